// Recurrences of single channels, token after token. What they share:
//
//   blocks     of channels, beside each other
//   sections   of consecutive documents: backward, a block goes through the documents of one, so that sums over tokens are made section by
//              section; how many there are depends on the channels and the documents alone
//   tiles      of a document's tokens, the next one on its way while one is computed: backward, the state before each tile is kept, those
//              within one are made again
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_SCAN_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_SCAN_CUH_

#include <algorithm>

#include "core/cuda/launch.cuh"
#include "core/cuda/vec.cuh"
#include "core/device/args/attention.h"

namespace hlm::cuda {

inline constexpr int64_t kScanBlocks = 1024, kMostRows = 65535;

// The grid of a forward pass: blocks of channels, documents.
inline dim3 ScanGrid(int64_t blocks, int64_t documents) {
  return {static_cast<unsigned>(blocks), static_cast<unsigned>(std::min(kMostRows, documents))};
}

inline int64_t ScanSections(int64_t blocks, int64_t documents) {
  return std::clamp<int64_t>(kScanBlocks / blocks, 1, std::max<int64_t>(documents, 1));
}
// At least as many sections of blocks as there will be; it does not fall when a dimension grows.
inline int64_t MostScanUnits(int64_t blocks, int64_t tokens) { return std::min(std::max(kScanBlocks, blocks), tokens * blocks); }

// The documents of a block's section.
struct Section {
  int64_t begin, end;
  __device__ explicit Section(int64_t documents)
      : begin(documents * blockIdx.y / gridDim.y), end(documents * (blockIdx.y + 1) / gridDim.y) {}
};

// A number on its way from memory, in a register of its own: two that share one would be waited for to be put together.
template <class T>
class Coming {
 public:
  __device__ void Fetch(const T* from) {
    if constexpr (std::is_same_v<T, float>) {
      bits_ = __float_as_uint(*from);
    } else {
      bits_ = *reinterpret_cast<const uint16_t*>(from);
    }
  }
  __device__ void Clear() { bits_ = 0; }
  __device__ float value() const { return __uint_as_float(std::is_same_v<T, float> ? bits_ : bits_ << 16); }

 private:
  uint32_t bits_ = 0;
};

// 2^x as expf has it inside; what is below 2^-126 is 0.
__device__ inline float Exp2(float x) {
#ifdef HLM_EMULATED_WARPS
  return exp2f(x);
#else
  float y = 0;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}

// Sums over the lanes that differ in the bits from kHigh down to kLow, of kCount numbers each. Such lanes share them out by halves, the
// upper half going to those that have the bit, as long as there are more than kLeast: the first of v are the lane's. All lanes of a warp
// must call it.
template <int kHigh, int kLow, int kLeast, int kLeft, int kCount>
__device__ void SumAmong(float (&v)[kCount]) {
  if constexpr (kHigh >= kLow) {
    constexpr bool kHalves = kLeft > kLeast;
    constexpr int kNext = kHalves ? kLeft / 2 : kLeft;
    const bool upper = (threadIdx.x & kHigh) != 0;
#pragma unroll
    for (int i = 0; i < kNext; ++i) {
      const float other = kHalves && !upper ? v[(i + kNext) % kCount] : v[i];
      const float own = kHalves && upper ? v[(i + kNext) % kCount] : v[i];
      v[i] = own + __shfl_xor_sync(kAllLanes, other, kHigh);
    }
    SumAmong<kHigh / 2, kLow, kLeast, kNext>(v);
  }
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_SCAN_CUH_
