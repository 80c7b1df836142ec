// The text of --help, in the width of the terminal.
#ifndef HORIZON_LM_SAMPLES_HORIZON_CLI_HELP_H_
#define HORIZON_LM_SAMPLES_HORIZON_CLI_HELP_H_

#include <CLI/CLI.hpp>
#include <string>

namespace horizon {

// Columns: $COLUMNS where it is a number, else the terminal's, else 80; between 40 and 120.
int HelpWidth();

// Lines of at most `width` columns, each but the first behind `indent` spaces; `column` is where the first begins. Broken at spaces, a word
// that is too long behind '|', ',' or '/', and where it has none anywhere.
std::string Wrapped(const std::string& text, int column, int indent, int width);

class HelpText : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_CLI_HELP_H_
