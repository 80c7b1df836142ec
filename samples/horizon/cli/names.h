// The names by which the options of a subcommand are called: their own, those of the same thing in other programs, and either with
// '_' for '-'.
#ifndef HORIZON_LM_SAMPLES_HORIZON_CLI_NAMES_H_
#define HORIZON_LM_SAMPLES_HORIZON_CLI_NAMES_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace horizon {

// Options of this heading are taken and change nothing; help does not list them.
inline constexpr const char* kUnlisted = "Unlisted";

// "--lr" of an option.
std::string NameOf(const CLI::Option& option);

bool IsFlag(const CLI::Option& option);
bool TakesSeveral(const CLI::Option& option);
// Whether an option's one value may be a list with commas in it.
bool TakesCommas(const CLI::Option& option);

// What an option stands for that is given without a value, though it may have one ("auto" of --resume); nullptr: it is a flag, or needs one.
const char* ValueWithout(const CLI::Option& option);

// A value as a shell leaves it: of an option that takes a path, a "~/" at the beginning becomes the home folder, which shells do in words
// alone, not in --out=~/x or in a file.
std::string AtHome(const CLI::Option& option, const std::string& value);

// Further names of an option, for help.
std::vector<std::string> OtherNames(const CLI::Option& option);

class OptionNames {
 public:
  explicit OptionNames(const CLI::App& app) : app_(app) {}

  // The option of "--lr", "--learning_rate", "-h"; nullptr where there is none.
  const CLI::Option* Find(const std::string& name) const;
  // For a name that is none: " (did you mean --lr?)", or "; " and what there is instead; "" where nothing is near.
  std::string DidYouMean(const std::string& name) const;

 private:
  const CLI::Option* Exact(const std::string& name) const;

  const CLI::App& app_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_CLI_NAMES_H_
