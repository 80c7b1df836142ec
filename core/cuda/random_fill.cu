#include <cuda_bf16.h>

#include "core/cuda/check.h"
#include "core/cuda/random_fill.h"

namespace hlm::cuda {
namespace {

template <class T>
__global__ void Fill(T* data, int64_t n, uint32_t seed) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < n; i += int64_t{gridDim.x} * blockDim.x) {
    uint64_t z = (static_cast<uint64_t>(seed) << 40) + static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15ull;  // splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    data[i] = static_cast<T>(static_cast<float>(static_cast<uint32_t>(z >> 40)) * 0x1p-23f - 1.0f);
  }
}

}  // namespace

void RandomFill(cudaStream_t stream, DType type, void* data, int64_t n, uint32_t seed) {
  if (type == DType::kF32) {
    Fill<<<2048, 256, 0, stream>>>(static_cast<float*>(data), n, seed);
  } else {
    Fill<<<2048, 256, 0, stream>>>(static_cast<__nv_bfloat16*>(data), n, seed);
  }
  CheckLaunch("RandomFill");
}

}  // namespace hlm::cuda
