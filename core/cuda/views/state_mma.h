// Mamba-2's state space in bf16 on tensor cores, with a state_dim of at most kMostMmaRows.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_STATE_MMA_H_
#define HORIZON_LM_CORE_CUDA_VIEWS_STATE_MMA_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/device/args/recurrence.h"

namespace hlm::cuda {

inline constexpr int64_t kMostMmaRows = 128;
// Shared memory that a block needs, forward and backward, fixed arrays included.
size_t StateMmaShared(int64_t state_dim);
size_t StateMmaBytes(const StateSpaceArgs& args);
void StateMmaSpace(cudaStream_t stream, const StateSpaceArgs& args, void* scratch);
size_t StateMmaBackwardBytes(const StateSpaceBackwardArgs& args);
void StateMmaSpaceBackward(cudaStream_t stream, const StateSpaceBackwardArgs& args, void* scratch);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_STATE_MMA_H_
