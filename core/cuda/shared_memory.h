// Shared memory that a block may have: what GPUs lend it, and what is to be left for arrays of fixed size. What a kernel needs stands beside
// its tiles (a Shape's kBytes, ...Shared functions); what picks a kernel and what launches it read the same number.
#ifndef HORIZON_LM_CORE_CUDA_SHARED_MEMORY_H_
#define HORIZON_LM_CORE_CUDA_SHARED_MEMORY_H_

#include <cstddef>

namespace hlm::cuda {

// cudaDevAttrMaxSharedMemoryPerBlockOptin of compute capability 8.6, 8.9 and 12.0, the least of those from 8.0 on: 99 KiB. 8.0 and 8.7 lend
// 163 KiB, 9.0 and 10.0 227 KiB.
inline constexpr size_t kLeastShared = size_t{99} << 10;

// At most so much are the fixed arrays of a recurrence's kernel, beside its tiles.
inline constexpr size_t kFixedShared = size_t{6} << 10;

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_SHARED_MEMORY_H_
