// Files of options: --config reads them, --save-config writes what a run was called with. docs/command.md has the format.
#ifndef HORIZON_LM_SAMPLES_HORIZON_CLI_CONFIG_FILE_H_
#define HORIZON_LM_SAMPLES_HORIZON_CLI_CONFIG_FILE_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "samples/horizon/cli/arguments.h"

namespace horizon {

// Whether what --config names is a file of options; else it is taken for a model's config.json, and read as one.
bool IsOptionsFile(const std::string& path);

// The options of a file for this subcommand; `commands` are the names of all. Throws UsageError for what it has not.
std::vector<Argument> ReadConfigFile(const CLI::App& app, const std::vector<std::string>& commands, const std::string& path);

// Writes the options that a subcommand was called with, and defaults that stand in the same file without changing anything. By the name's end
// YAML or JSON.
void WriteConfigFile(const CLI::App& app, const std::string& path, const std::string& headline);

// Throws UsageError where the name ends in neither .yaml, .yml nor .json.
void CheckConfigName(const std::string& path);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_CLI_CONFIG_FILE_H_
