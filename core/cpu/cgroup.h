// What the process's control group allows (versions 1 and 2), read from /proc/self/cgroup and /sys/fs/cgroup.
#ifndef HORIZON_LM_CORE_CPU_CGROUP_H_
#define HORIZON_LM_CORE_CPU_CGROUP_H_

#include <cstdint>
#include <string>

namespace hlm {

// Processors' worth of time a period (2.5 is two and a half), or 0 where there is no limit. The lowest along the way to the root.
double CgroupCpuLimit(const std::string& proc = "/proc/self/cgroup", const std::string& mount = "/sys/fs/cgroup");

// Bytes, or 0 where there is no limit.
int64_t CgroupMemoryLimit(const std::string& proc = "/proc/self/cgroup", const std::string& mount = "/sys/fs/cgroup");

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_CGROUP_H_
