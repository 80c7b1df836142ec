// Launches with dynamic shared memory. Tests run such kernels on the CPU too (tests/cuda/emulated).
#ifndef HORIZON_LM_CORE_CUDA_LAUNCH_CUH_
#define HORIZON_LM_CORE_CUDA_LAUNCH_CUH_

#include "core/cuda/check.h"

namespace hlm::cuda {

#ifndef HLM_EMULATED_WARPS
// The block's dynamic shared memory, 128-byte aligned.
__device__ inline unsigned char* DynamicShared() {
  extern __shared__ __align__(128) unsigned char dynamic_shared[];
  return dynamic_shared;
}

template <class... Ps, class... As>
void Launch(void (*kernel)(Ps...), dim3 grid, int threads, size_t shared, cudaStream_t stream, const As&... args) {
  if (shared > (size_t{48} << 10)) {  // a block must be allowed to have more, on each GPU
    Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)),
          "cudaFuncSetAttribute");
  }
  kernel<<<grid, static_cast<unsigned>(threads), shared, stream>>>(args...);
}
#endif

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_LAUNCH_CUH_
