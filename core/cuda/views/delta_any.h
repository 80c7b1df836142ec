// The delta rule for any sizes, and with a decay for each channel: all in fp32 from one chunk to the next, by one block a document
// and key head. What the kernels for the usual sizes do not take; slow beside them.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_ANY_H_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_ANY_H_

#include <cuda_runtime_api.h>

#include <cstddef>

#include "core/device/args/recurrence.h"

namespace hlm::cuda {

size_t DeltaAnyBytes(const DeltaRuleArgs& args);
void DeltaAnyRule(cudaStream_t stream, const DeltaRuleArgs& args, void* scratch);
size_t DeltaAnyBackwardBytes(const DeltaRuleBackwardArgs& args);
void DeltaAnyRuleBackward(cudaStream_t stream, const DeltaRuleBackwardArgs& args, void* scratch);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_ANY_H_
