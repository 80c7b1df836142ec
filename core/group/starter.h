// Who has started the processes of a run on this machine.
#ifndef HORIZON_LM_CORE_GROUP_STARTER_H_
#define HORIZON_LM_CORE_GROUP_STARTER_H_

#include <cstdint>
#include <string>

namespace hlm {

// The nearest ancestor of process `pid` that has not been given `variable` itself: the launcher, above the shells and wrappers that stand
// between it and a rank, which have the rank's variables. The parent where nothing of it can be read. `proc`: where the processes are
// listed.
int64_t StarterOf(int64_t pid, const std::string& variable, const std::string& proc = "/proc");

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_STARTER_H_
