// A token's router logits, seen by one warp: softmax over all of them, the largest in order, sparsemixer's sets.
#ifndef HORIZON_LM_CORE_CUDA_EXPERTS_SCORES_CUH_
#define HORIZON_LM_CORE_CUDA_EXPERTS_SCORES_CUH_

#include "core/cuda/vec.cuh"

namespace hlm::cuda {

__device__ inline float RouterSigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// Unsigned numbers in the order of floats, never 0; equal for equal floats, zeros of both signs among them.
__device__ inline uint32_t OrderOf(float x) {
  const uint32_t bits = __float_as_uint(x == 0.0f ? 0.0f : x);
  return max(1u, (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u);
}

__device__ inline uint64_t WarpMost(uint64_t value) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) {
    const uint64_t other = __shfl_xor_sync(kAllLanes, value, step);
    value = other > value ? other : value;
  }
  return value;
}
// The number of the largest of order(0) to order(n - 1), of equals the first. Every lane of the warp must call it and gets it.
template <class Order>
__device__ int FirstLargest(int n, const Order& order) {
  uint64_t best = 0;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += kWarp) {
    const uint64_t key = static_cast<uint64_t>(order(i)) << 32 | (0xffffffffu - static_cast<uint32_t>(i));
    best = key > best ? key : best;
  }
  return static_cast<int>(0xffffffffu - static_cast<uint32_t>(WarpMost(best)));
}

// Of z(0) to z(n - 1).
struct WarpSoftmax {
  float most, sum;

  template <class Z>
  __device__ WarpSoftmax(int n, const Z& z) {
    float own = -INFINITY;
    for (int i = static_cast<int>(threadIdx.x); i < n; i += kWarp) own = fmaxf(own, z(i));
    most = WarpMax(own);
    float part = 0;
    for (int i = static_cast<int>(threadIdx.x); i < n; i += kWarp) part += expf(z(i) - most);
    sum = WarpSum(part);
  }
  __device__ float Of(float z) const { return expf(z - most) / sum; }
  __device__ float LogSum() const { return most + logf(sum); }
};

// Sparsemixer's set around the best of the experts that are left (all but `without`): those whose logits come near it.
struct WarpNearSet {
  const float* z;
  int without, best;
  float most, nearness, sum;

  __device__ WarpNearSet(const float* logits, int n, int left_out, float near) : z(logits), without(left_out), nearness(near) {
    best = FirstLargest(n, [&](int e) { return e == without ? 0u : OrderOf(z[e]); });
    most = z[best];
    float part = 0;
    for (int e = static_cast<int>(threadIdx.x); e < n; e += kWarp) {
      if (Has(e)) part += expf(z[e] - most);
    }
    sum = WarpSum(part);
  }
  __device__ bool Has(int e) const { return e != without && !((most - z[e]) / fmaxf(fabsf(z[e]), most) > nearness); }
  __device__ float Of(int e) const { return Has(e) ? expf(z[e] - most) / sum : 0.0f; }
};

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_EXPERTS_SCORES_CUH_
