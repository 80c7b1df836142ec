// Memory of the CPU device: anonymous maps that the kernel zeroes page by page at first touch, never locked.
#ifndef HORIZON_LM_CORE_CPU_CPU_MEMORY_H_
#define HORIZON_LM_CORE_CPU_CPU_MEMORY_H_

#include <cstddef>
#include <cstdint>

namespace hlm {

// Zeroed, 4096-byte aligned; from 2 MiB on aligned to 2 MiB and advised to lie on huge pages. bytes >= 1. Throws
// RESOURCE_EXHAUSTED naming the bytes.
void* MapMemory(size_t bytes);
void UnmapMemory(void* data, size_t bytes) noexcept;  // the same bytes as were asked for

// Bytes that this process may use: the machine's memory, or its cgroup's limit where that is lower.
int64_t MemoryLimit();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_CPU_MEMORY_H_
