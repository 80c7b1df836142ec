// Launchers: what torchrun, Open MPI, Slurm and PMI tell a process by its environment.
#ifndef HORIZON_LM_CORE_GROUP_LAUNCHER_H_
#define HORIZON_LM_CORE_GROUP_LAUNCHER_H_

#include <functional>

#include "core/group/group.h"

namespace hlm {

using Environment = std::function<const char*(const char* name)>;  // as getenv

// Where no launcher has said anything: a group of one. INVALID_ARGUMENT naming the variable and its value where they contradict each other
// or are no numbers, FAILED_PRECONDITION where a variable is missing, or where there are several processes on this machine and
// options.several_per_machine is not set.
RankAddress PlaceOf(const Environment& environment, const GroupOptions& options);

// HORIZON_LM_CARRIER; auto where it is not set. INVALID_ARGUMENT for what is no carrier.
Carrier CarrierOf(const Environment& environment);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_LAUNCHER_H_
