// How much memory there is.
#ifndef HORIZON_LM_CORE_CPU_CPU_MEMORY_H_
#define HORIZON_LM_CORE_CPU_CPU_MEMORY_H_

#include <cstdint>

namespace hlm {

int64_t MachineMemory();  // bytes that the machine has

// Bytes that this process may use: the machine's memory, or its cgroup's limit where that is lower.
int64_t MemoryLimit();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_CPU_MEMORY_H_
