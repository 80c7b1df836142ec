// Anonymous memory maps, which the kernel zeroes page by page at first touch. Never locked.
#ifndef HORIZON_LM_CORE_BASE_MAP_MEMORY_H_
#define HORIZON_LM_CORE_BASE_MAP_MEMORY_H_

#include <cstddef>

namespace hlm {

// Zeroed, 4096-byte aligned; from 2 MiB on aligned to 2 MiB and advised to lie on huge pages. bytes >= 1. Throws
// RESOURCE_EXHAUSTED naming the bytes.
void* MapMemory(size_t bytes);
void UnmapMemory(void* data, size_t bytes) noexcept;  // the same bytes as were asked for

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_MAP_MEMORY_H_
