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
#include "core/cuda/views/pieces.cuh"
#include "core/cuda/vec.cuh"
#include "core/device/args/attention.h"

namespace hlm::cuda {

inline constexpr int kScanThreads = 256;
inline constexpr int kScanSegment = 32;  // tokens
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

// States of kStates numbers a thread, in global memory.
template <int kStates>
struct ScanStates {
  float *starts, *own;

  // starts: of the segments but each document's first, whose first tokens' numbers over the segment's length tell them apart.
  ScanStates(int64_t blocks, int64_t tokens, Pieces& pieces)
      : starts(pieces.Take<float>((tokens / kScanSegment + 1) * blocks * kEach)),
        own(pieces.Take<float>(MostScanUnits(blocks, tokens) * kScanSegment * kEach)) {}

  // Number n of the thread's state lies n * kScanThreads behind.
  __device__ float* Start(int64_t token) const {
    return starts + (token / kScanSegment * gridDim.x + blockIdx.x) * kEach + threadIdx.x;
  }
  // Before token i of the segment.
  __device__ float* Before(int i) const {
    return own + ((int64_t{blockIdx.y} * gridDim.x + blockIdx.x) * kScanSegment + i) * kEach + threadIdx.x;
  }
  __device__ static void Keep(const float (&state)[kStates], float* to) {
#pragma unroll
    for (int n = 0; n < kStates; ++n) to[n * kScanThreads] = state[n];
  }
  __device__ static void Fetch(const float* from, float (&state)[kStates]) {
#pragma unroll
    for (int n = 0; n < kStates; ++n) state[n] = from[n * kScanThreads];
  }

  // All tokens of a document from the last to the first, backward(token, the state before it). advance(token, state) takes a state one
  // token on. All threads of the block go together.
  template <class Advance, class Backward>
  __device__ void Backwards(int begin, int end, const Advance& advance, const Backward& backward) const {
    float state[kStates] = {};
    int last = begin;  // segment's first token
    for (; last + kScanSegment < end; last += kScanSegment) {
      for (int i = 0; i < kScanSegment; ++i) advance(last + i, state);
      Keep(state, Start(last + kScanSegment));
    }
    for (int first = last; first >= begin; first -= kScanSegment) {
      const int count = min(kScanSegment, end - first);
#pragma unroll
      for (int n = 0; n < kStates; ++n) state[n] = 0;
      if (first > begin) Fetch(Start(first), state);
      for (int i = 0; i < count; ++i) {
        Keep(state, Before(i));
        advance(first + i, state);
      }
      for (int i = count; i-- > 0;) {
        Fetch(Before(i), state);
        backward(first + i, state);
      }
    }
  }

 private:
  static constexpr int64_t kEach = int64_t{kScanThreads} * kStates;
};

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_SCAN_CUH_
