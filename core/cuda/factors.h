// Numbers that are factors of more than one element: gates of whole heads, experts' own factors of their weights
// (views/factors.cu).
#ifndef HORIZON_LM_CORE_CUDA_FACTORS_H_
#define HORIZON_LM_CORE_CUDA_FACTORS_H_

#include <cuda_runtime_api.h>

#include "core/device/args/all.h"

namespace hlm::cuda {

void GateHeads(cudaStream_t stream, const GateHeadsArgs& args);
void GateHeadsBackward(cudaStream_t stream, const GateHeadsBackwardArgs& args);
void ScaleChoices(cudaStream_t stream, const ScaleChoicesArgs& args);
void ScaleChoicesBackward(cudaStream_t stream, const ScaleChoicesBackwardArgs& args);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_FACTORS_H_
