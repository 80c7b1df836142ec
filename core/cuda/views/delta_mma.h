// The delta rule in bf16 on tensor cores, with decays by head and a key_dim of at most kMostMmaKeys.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_H_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/device/args/recurrence.h"

namespace hlm::cuda {

inline constexpr int64_t kMostMmaKeys = 128;
// Shared memory that a block needs, forward and backward, fixed arrays included.
size_t DeltaMmaShared(int64_t key_dim);
size_t DeltaMmaBytes(const DeltaRuleArgs& args);
void DeltaMmaRule(cudaStream_t stream, const DeltaRuleArgs& args, void* scratch);
size_t DeltaMmaBackwardBytes(const DeltaRuleBackwardArgs& args);
void DeltaMmaRuleBackward(cudaStream_t stream, const DeltaRuleBackwardArgs& args, void* scratch);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_H_
