// How much memory there is.
#ifndef HORIZON_LM_CORE_CPU_CPU_MEMORY_H_
#define HORIZON_LM_CORE_CPU_CPU_MEMORY_H_

#include <cstdint>
#include <string>

namespace hlm {

int64_t MachineMemory();  // bytes that the machine shows now; some virtual machines grow as their memory is used

// Bytes that this process may use: its cgroup's limit, above what the machine shows as well; without one what the machine shows.
int64_t MemoryLimit(const std::string& proc = "/proc/self/cgroup", const std::string& mount = "/sys/fs/cgroup");

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_CPU_MEMORY_H_
