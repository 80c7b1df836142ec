// The subcommands but those of eval/. Each returns the process's exit status and throws Error or UsageError.
#ifndef HORIZON_LM_SAMPLES_HORIZON_COMMANDS_COMMAND_H_
#define HORIZON_LM_SAMPLES_HORIZON_COMMANDS_COMMAND_H_

#include "samples/horizon/options/options.h"

namespace horizon {

int RunDoctor(const Options& options);
int RunDevices(const Options& options);
int RunPlan(const Options& options);
int RunTrain(const Options& options);
int RunExport(const Options& options);
int RunGenerate(const Options& options);
int RunChat(const Options& options);
int RunBench(const Options& options);
int RunShowMask(const Options& options);
int RunTokenize(const Options& options);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_COMMANDS_COMMAND_H_
