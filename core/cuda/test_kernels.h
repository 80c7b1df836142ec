// Kernels for tests: one that fails as a broken GPU program does, and one that takes its time.
#ifndef HORIZON_LM_CORE_CUDA_TEST_KERNELS_H_
#define HORIZON_LM_CORE_CUDA_TEST_KERNELS_H_

#include <cuda_runtime_api.h>

namespace hlm::cuda {

void LaunchTrap(cudaStream_t stream);
void LaunchDelay(cudaStream_t stream, int microseconds);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_TEST_KERNELS_H_
