// The gradient of a state space's d, which all of its kernels leave in parts.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_STATE_D_H_
#define HORIZON_LM_CORE_CUDA_VIEWS_STATE_D_H_

#include "core/cuda/partial_sums.h"
#include "core/device/args/recurrence.h"

namespace hlm::cuda {

// parts: [count, heads].
inline void AddGradientOfD(cudaStream_t stream, const StateSpaceBackwardArgs& a, const float* parts, int64_t count) {
  AddPartialSums(stream, {.partials = parts,
                          .parts = count,
                          .width = a.heads,
                          .accumulate = a.accumulate,
                          .first = a.dd,
                          .second = nullptr,
                          .split = a.heads});
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_STATE_D_H_
