#include <cuda_bf16.h>

#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"

namespace hlm::cuda {
namespace {

template <class T>
__global__ void AddBiasKernel(const T* bias, int64_t n, int64_t width, float* y) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < n; i += int64_t{gridDim.x} * blockDim.x) {
    y[i] += static_cast<float>(bias[i % width]);
  }
}

}  // namespace

void AddBias(cudaStream_t stream, DType type, const void* bias, int64_t rows, int64_t width, float* y) {
  const int64_t n = rows * width;
  const int blocks = static_cast<int>(std::min<int64_t>((n + 255) / 256, 65536));
  if (type == DType::kF32) {
    AddBiasKernel<<<blocks, 256, 0, stream>>>(static_cast<const float*>(bias), n, width, y);
  } else {
    AddBiasKernel<<<blocks, 256, 0, stream>>>(static_cast<const __nv_bfloat16*>(bias), n, width, y);
  }
  CheckLaunch("AddBias");
}

}  // namespace hlm::cuda
