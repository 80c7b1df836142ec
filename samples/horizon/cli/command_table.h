// The subcommands with their options.
#ifndef HORIZON_LM_SAMPLES_HORIZON_CLI_COMMAND_TABLE_H_
#define HORIZON_LM_SAMPLES_HORIZON_CLI_COMMAND_TABLE_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "samples/horizon/options/options.h"

namespace horizon {

struct Command {
  CLI::App* app;
  int (*run)(const Options&);
  std::unique_ptr<Options> options;
  bool work_of_one = false;  // several processes would do it several times
};

// Adds all of them to the program.
std::vector<Command> AddCommands(CLI::App& program);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_CLI_COMMAND_TABLE_H_
