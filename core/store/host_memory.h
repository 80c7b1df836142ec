// Host memory that no device copies from: zeroed pages, huge where the kernel has them.
#ifndef HORIZON_LM_CORE_STORE_HOST_MEMORY_H_
#define HORIZON_LM_CORE_STORE_HOST_MEMORY_H_

#include <cstddef>

#include "core/device/device.h"

namespace hlm {

// Zeroed, 4096-byte aligned; pages are taken when first touched. RESOURCE_EXHAUSTED naming the bytes and what they are for.
Buffer AllocatePages(size_t bytes, const char* purpose);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STORE_HOST_MEMORY_H_
