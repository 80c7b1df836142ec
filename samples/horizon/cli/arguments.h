// The words of a command line as options and values, before anything is made of them: what is not known is told first, all of it,
// in its order.
#ifndef HORIZON_LM_SAMPLES_HORIZON_CLI_ARGUMENTS_H_
#define HORIZON_LM_SAMPLES_HORIZON_CLI_ARGUMENTS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace horizon {

struct Argument {
  const CLI::Option* option = nullptr;
  std::string value;      // of a flag "true" or "false"
  std::string file = "";  // that it was read from; "": the command line
};

// The words behind a subcommand. Where help is asked for it is all there is. Throws UsageError for options that there are not, values that
// are missing, and words that belong to no option.
std::vector<Argument> ReadArguments(const CLI::App& app, const std::vector<std::string>& words);

// Those of the command line go before those of files: of a file what is given there again is dropped, and what excludes it.
std::vector<Argument> Merged(const std::vector<Argument>& files, const std::vector<Argument>& given);

// As the parser takes them.
std::vector<std::string> WordsOf(const std::vector<Argument>& arguments);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_CLI_ARGUMENTS_H_
