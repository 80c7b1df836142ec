#include "core/cpu/cpu_memory.h"

#include <unistd.h>

#include "core/cpu/cgroup.h"

namespace hlm {

int64_t MachineMemory() { return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE); }

int64_t MemoryLimit(const std::string& proc, const std::string& mount) {
  const int64_t limit = CgroupMemoryLimit(proc, mount);
  return limit > 0 ? limit : MachineMemory();
}

}  // namespace hlm
