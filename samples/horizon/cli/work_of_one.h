// A command whose work is not spread over processes, where a launcher has started several of them.
#ifndef HORIZON_LM_SAMPLES_HORIZON_CLI_WORK_OF_ONE_H_
#define HORIZON_LM_SAMPLES_HORIZON_CLI_WORK_OF_ONE_H_

#include <string>

namespace horizon {

// Whether this process does it. Nobody can know whether each process was meant to do all of it or work of its own, so that --group (`join`)
// must say so: UsageError on all of them where it does not.
bool IsDoneHere(const std::string& command, const std::string& join);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_CLI_WORK_OF_ONE_H_
