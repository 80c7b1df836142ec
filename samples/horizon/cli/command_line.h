// From the words of a shell to a subcommand that runs.
#ifndef HORIZON_LM_SAMPLES_HORIZON_CLI_COMMAND_LINE_H_
#define HORIZON_LM_SAMPLES_HORIZON_CLI_COMMAND_LINE_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "samples/horizon/cli/arguments.h"
#include "samples/horizon/cli/command_table.h"

namespace horizon {

class CommandLine {
 public:
  CommandLine();

  // The status of the process. Throws what subcommands do, and UsageError for what cannot be understood.
  int Run(const std::vector<std::string>& words);

 private:
  int RunCommand(const Command& command, const std::vector<std::string>& words);
  // The arguments with those of the files that they name.
  std::vector<Argument> WithFiles(const Command& command, const std::vector<Argument>& given) const;
  void Parse(const Command& command, const std::vector<Argument>& arguments);
  const Command& Find(const std::string& name) const;
  std::vector<std::string> Names() const;

  CLI::App program_;
  std::vector<Command> commands_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_CLI_COMMAND_LINE_H_
