// Texts that are made of the same definitions as --help: scripts that complete words in a shell, and the manual page.
#ifndef HORIZON_LM_SAMPLES_HORIZON_CLI_COMPLETION_H_
#define HORIZON_LM_SAMPLES_HORIZON_CLI_COMPLETION_H_

#include <CLI/CLI.hpp>
#include <string>

namespace horizon {

// For "bash", "zsh" or "fish"; throws UsageError for another shell.
std::string CompletionScript(const CLI::App& program, const std::string& shell);

// horizon(1), in roff.
std::string ManualPage(const CLI::App& program, const std::string& version);

// horizon-train(1) and the like.
std::string CommandManualPage(const CLI::App& command, const std::string& version);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_CLI_COMPLETION_H_
