// Host memory that the GPU copies from and to directly.
#ifndef HORIZON_LM_CORE_CUDA_PINNED_MEMORY_H_
#define HORIZON_LM_CORE_CUDA_PINNED_MEMORY_H_

#include <cstddef>

namespace hlm::cuda {

// Zeroed pages, huge where the kernel has them, touched by several threads and then registered: twice as fast as small pages, and
// the threads' first touch spreads them over the memory controllers. `node`: from which memory node they are to come; -1: any.
// RESOURCE_EXHAUSTED with the bytes and the limit on locked memory.
void* PinMemory(size_t bytes, int node);
void UnpinMemory(void* data, size_t bytes) noexcept;

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_PINNED_MEMORY_H_
