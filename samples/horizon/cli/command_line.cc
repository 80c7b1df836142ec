#include "samples/horizon/cli/command_line.h"

#include <algorithm>
#include <cstdio>

#include "c_api/horizon_lm.h"
#include "samples/horizon/base/error.h"
#include "samples/horizon/base/nearest.h"
#include "samples/horizon/base/output.h"
#include "samples/horizon/cli/completion.h"
#include "samples/horizon/cli/config_file.h"
#include "samples/horizon/cli/help.h"
#include "samples/horizon/cli/names.h"
#include "samples/horizon/cli/work_of_one.h"
#include "samples/horizon/options/options.h"

namespace horizon {
namespace {

// The words so that a shell takes them for the same.
std::string CommandText(const std::vector<std::string>& words) {
  constexpr const char* kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=,+-@%";
  std::string text = "horizon";
  for (const std::string& word : words) {
    text += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      text += word;
      continue;
    }
    text += '\'';
    for (const char c : word) c == '\'' ? void(text += "'\\''") : text.push_back(c);
    text += '\'';
  }
  return text;
}

std::vector<Setting> SettingsOf(const CLI::App& app) {
  std::vector<Setting> settings;
  for (const CLI::Option* option : app.get_options()) {
    const bool given = option->count() > 0;
    std::string value = given ? "" : option->get_default_str();
    if (given) {
      for (const std::string& result : option->results()) value += (value.empty() ? "" : " ") + result;
    }
    if (given || !value.empty()) settings.push_back({option->get_name(), value, given});
  }
  return settings;
}

// What the parser would say in words of its own.
void CheckGivenOnce(const std::vector<Argument>& arguments) {
  for (const Argument& one : arguments) {
    if (IsFlag(*one.option) || TakesSeveral(*one.option)) continue;
    std::string values;
    int times = 0;
    for (const Argument& other : arguments) {
      if (other.option != one.option) continue;
      values += (values.empty() ? "" : ", ") + other.value;
      ++times;
    }
    if (times > 1) {
      throw UsageError((one.file.empty() ? "" : one.file + ": ") + NameOf(*one.option) + " is given " + std::to_string(times) +
                       " times (" + values + "); it takes one value");
    }
  }
}

// Of an error about a value that a file has: the file as well.
std::string WithFile(const std::string& message, const std::vector<Argument>& arguments) {
  const std::string name = message.substr(0, message.find(':'));
  for (const Argument& argument : arguments) {
    if (!argument.file.empty() && NameOf(*argument.option) == name) return argument.file + ": " + message;
  }
  return message;
}

// What is missing, and the model with it: nobody wants to be told of one thing after the other.
std::string Missing(const std::string& message, const CLI::App& app, const std::vector<Argument>& arguments) {
  const auto names_model = [](const Argument& argument) {
    const std::string name = NameOf(*argument.option);
    return name == "--model" || name == "--config" || name == "--preset";
  };
  const bool needs_model = app.get_option_no_throw("--preset") != nullptr;
  if (!needs_model || std::any_of(arguments.begin(), arguments.end(), names_model)) return message;
  return message + ", and a model: " + kModelIsNeeded;
}

constexpr const char* kCompletionHelp =
    "Usage: horizon completion bash|zsh|fish\n\nPrints a script that completes commands, options and their words:\n"
    "  bash  source <(horizon completion bash), in ~/.bashrc\n"
    "  zsh   source <(horizon completion zsh), in ~/.zshrc behind compinit\n"
    "  fish  horizon completion fish > ~/.config/fish/completions/horizon.fish\n";
constexpr const char* kManHelp =
    "Usage: horizon man [COMMAND]\n\nPrints the manual page, of one command or of all: horizon man | man -l -\n";

// A word too many is told, not passed over.
void CheckWords(const std::vector<std::string>& words, size_t most) {
  if (words.size() <= most) return;
  throw UsageError("'" + words[most] + "' is one word too many behind " + words[0] + (most > 1 ? " and a subcommand" : ""));
}

}  // namespace

CommandLine::CommandLine() : program_("Horizon-LM trains large language models from host memory.", "horizon") {
  program_.formatter(std::make_shared<HelpText>());
  program_.set_help_flag("-h,--help", "this text; of a command its options, `horizon train --help`");
  program_.add_flag("--version")->description("the version of the library");
  program_.footer(
      "For a start, on any machine: horizon train --preset tiny --data FILE.txt --steps 100 --lr 3e-3 --out first, and then "
      "horizon generate --model first --prompt The\n"
      "`horizon completion bash`, zsh or fish prints a script that completes these words in a shell; `horizon man` the manual "
      "page.");
  commands_ = AddCommands(program_);
}

std::vector<std::string> CommandLine::Names() const {
  std::vector<std::string> names;
  for (const Command& command : commands_) names.push_back(command.app->get_name());
  return names;
}

const Command& CommandLine::Find(const std::string& name) const {
  for (const Command& command : commands_) {
    if (command.app->get_name() == name) return command;
  }
  std::vector<std::string> names = Names();
  names.insert(names.end(), {"help", "completion", "man"});
  std::string known;
  for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
  throw UsageError("'" + name + "' is not a subcommand" + DidYouMean(name, names) + "; there are " + known);
}

int CommandLine::Run(const std::vector<std::string>& words) {
  if (words.empty()) throw UsageError("a subcommand is needed: `horizon --help` lists them");
  std::vector<std::string> rest(words.begin() + 1, words.end());
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    CheckWords(words, 2);
    std::fputs(rest.empty() ? program_.help().c_str() : Find(rest[0]).app->help("horizon").c_str(), stdout);
    return kExitOk;
  }
  if (words[0] == "--version" || words[0] == "-V" || words[0] == "-v" || words[0] == "version") {
    CheckWords(words, 1);
    std::printf("%s\n", hlm_version());
    return kExitOk;
  }
  if ((words[0] == "completion" || words[0] == "man") && rest.size() == 1 && (rest[0] == "--help" || rest[0] == "-h")) {
    std::fputs(words[0] == "man" ? kManHelp : kCompletionHelp, stdout);
    return kExitOk;
  }
  if (words[0] == "completion") {
    if (rest.size() != 1) throw UsageError("completion takes the name of a shell: bash, zsh or fish");
    std::fputs(CompletionScript(program_, rest[0]).c_str(), stdout);
    return kExitOk;
  }
  if (words[0] == "man") {
    CheckWords(words, 2);
    const std::string page =
        rest.empty() ? ManualPage(program_, hlm_version()) : CommandManualPage(*Find(rest[0]).app, hlm_version());
    std::fputs(page.c_str(), stdout);
    return kExitOk;
  }
  if (words[0].starts_with("-")) {
    throw UsageError(words[0] + " stands before a subcommand; options follow it: horizon COMMAND " + words[0] + " ...");
  }
  return RunCommand(Find(words[0]), words);
}

int CommandLine::RunCommand(const Command& command, const std::vector<std::string>& words) {
  const std::vector<Argument> given = ReadArguments(*command.app, {words.begin() + 1, words.end()});
  if (given.size() == 1 && given[0].option == command.app->get_help_ptr()) {
    std::fputs(command.app->help("horizon").c_str(), stdout);
    return kExitOk;
  }
  Parse(command, WithFiles(command, given));
  Options& options = *command.options;
  if (command.work_of_one && !IsDoneHere(words[0], options.group.join)) return kExitOk;
  options.command_line = CommandText(words);
  options.settings = SettingsOf(*command.app);
  if (!options.save_config.empty()) {
    CheckConfigName(options.save_config);
    CheckOutputFile(options.save_config);
    WriteConfigFile(*command.app, options.save_config, "horizon " + command.app->get_name() + ", version " + hlm_version());
  }
  return command.run(options);
}

std::vector<Argument> CommandLine::WithFiles(const Command& command, const std::vector<Argument>& given) const {
  // Without a model of its own a subcommand has no other files to be configured by.
  const bool has_model = command.app->get_option_no_throw("--preset") != nullptr;
  std::vector<Argument> own, files;
  for (const Argument& argument : given) {
    if (NameOf(*argument.option) == "--config" && (!has_model || IsOptionsFile(argument.value))) {
      files = Merged(files, ReadConfigFile(*command.app, Names(), argument.value));
    } else {
      own.push_back(argument);
    }
  }
  return Merged(files, own);
}

void CommandLine::Parse(const Command& command, const std::vector<Argument>& arguments) {
  CheckGivenOnce(arguments);
  std::vector<std::string> words = WordsOf(arguments);
  words.insert(words.begin(), command.app->get_name());
  std::reverse(words.begin(), words.end());  // as it is taken
  try {
    program_.parse(words);
  } catch (const CLI::RequiredError& error) {
    throw UsageError(Missing(error.what(), *command.app, arguments));
  } catch (const CLI::ParseError& error) {
    throw UsageError(WithFile(error.what(), arguments));
  }
}

}  // namespace horizon
