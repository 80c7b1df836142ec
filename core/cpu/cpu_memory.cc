#include "core/cpu/cpu_memory.h"

#include <unistd.h>

#include <algorithm>

#include "core/cpu/cgroup.h"

namespace hlm {

int64_t MachineMemory() { return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE); }

int64_t MemoryLimit() {
  const int64_t machine = MachineMemory();
  const int64_t limit = CgroupMemoryLimit();
  return limit > 0 ? std::min(machine, limit) : machine;
}

}  // namespace hlm
