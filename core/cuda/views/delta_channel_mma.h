// The delta rule in bf16 on tensor cores, with decays by channel, as many key heads as heads and a key_dim of at most kMostMmaKeys.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_MMA_H_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_MMA_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/device/args/recurrence.h"

namespace hlm::cuda {

// Shared memory that a block needs, forward and backward, fixed arrays included.
size_t DeltaChannelMmaShared(int64_t key_dim);
size_t DeltaChannelMmaBytes(const DeltaRuleArgs& args);
void DeltaChannelMmaRule(cudaStream_t stream, const DeltaRuleArgs& args, void* scratch);
size_t DeltaChannelMmaBackwardBytes(const DeltaRuleBackwardArgs& args);
void DeltaChannelMmaRuleBackward(cudaStream_t stream, const DeltaRuleBackwardArgs& args, void* scratch);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_MMA_H_
