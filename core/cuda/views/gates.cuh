// The curves that open and close gates, in fp32.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_GATES_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_GATES_CUH_

namespace hlm::cuda {

__device__ inline float Softplus(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }
__device__ inline float Sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_GATES_CUH_
