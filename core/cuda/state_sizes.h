// How wide a state of Mamba-2 may be.
#ifndef HORIZON_LM_CORE_CUDA_STATE_SIZES_H_
#define HORIZON_LM_CORE_CUDA_STATE_SIZES_H_

#include <cstdint>

namespace hlm::cuda {

// Rows. Above 128 the kernels need 216 KiB of shared memory for a block, which devices of compute capability 9.0 have.
inline constexpr int64_t kNarrowStateDim = 128, kWideStateDim = 256;

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_STATE_SIZES_H_
