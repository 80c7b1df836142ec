// A machine as a JSON text of rates and sizes: to plan for one that is not here, and to record this one.
#ifndef HORIZON_LM_CORE_MACHINE_MACHINE_FILE_H_
#define HORIZON_LM_CORE_MACHINE_MACHINE_FILE_H_

#include <string>
#include <string_view>

#include "core/plan/machine.h"

namespace hlm {

// docs/plan.md lists the keys and their defaults. INVALID_ARGUMENT naming the key for one that is unknown, given twice or out of
// range, and for a text that is no JSON object.
MachineSpec ParseMachine(std::string_view json);

// The same format with every key, so that ParseMachine gives the same rates and sizes back.
std::string MachineJson(const MachineSpec& machine);

// What the operations of a GPU may need at these shapes where the GPU cannot be asked: never less than the CUDA device says.
size_t GpuWorkspaceBytes(const Call& call, int64_t threads);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MACHINE_MACHINE_FILE_H_
