// Random numbers on the device, for timing: not for anything that training reads.
#ifndef HORIZON_LM_CORE_CUDA_RANDOM_FILL_H_
#define HORIZON_LM_CORE_CUDA_RANDOM_FILL_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "core/base/dtype.h"

namespace hlm::cuda {

// n numbers spread evenly over [-1, 1).
void RandomFill(cudaStream_t stream, DType type, void* data, int64_t n, uint32_t seed);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_RANDOM_FILL_H_
