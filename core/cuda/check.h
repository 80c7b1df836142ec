// CUDA's return codes as errors of the library, with CUDA's own text.
#ifndef HORIZON_LM_CORE_CUDA_CHECK_H_
#define HORIZON_LM_CORE_CUDA_CHECK_H_

#include <cuda_runtime_api.h>

#include "core/base/error.h"

namespace hlm::cuda {

// Nothing for cudaSuccess; RESOURCE_EXHAUSTED where memory is short, UNAVAILABLE without a usable driver or device, else
// INTERNAL.
void Check(cudaError_t result, const char* what);

// After a kernel launch: what was wrong with the launch itself.
inline void CheckLaunch(const char* kernel) { Check(cudaGetLastError(), kernel); }

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_CHECK_H_
