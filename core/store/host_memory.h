// Host memory that no device copies from: zeroed pages, huge where the kernel has them.
#ifndef HORIZON_LM_CORE_STORE_HOST_MEMORY_H_
#define HORIZON_LM_CORE_STORE_HOST_MEMORY_H_

#include <cstddef>

#include "core/device/device.h"
#include "cpu_optim/host_pool.h"

namespace hlm {

// Zeroed, 4096-byte aligned; pages are taken when first touched. RESOURCE_EXHAUSTED naming the bytes and what they are for.
Buffer AllocatePages(size_t bytes, const char* purpose);

// Takes them all, on all threads of the pool, so that nothing later waits for the system to find and zero them. Writes zeros.
void TouchPages(const Buffer& buffer, HostPool& pool);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STORE_HOST_MEMORY_H_
