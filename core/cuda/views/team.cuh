// A block's threads on arrays of fp32 in global memory, for recurrences of sizes that no tile was made for. Every call is made by
// all threads and ends with a barrier. Each element is computed by one thread in a fixed order.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_TEAM_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_TEAM_CUH_

#include <cstdint>

namespace hlm::cuda {

inline constexpr int kTeamThreads = 256;
inline constexpr int kMostTeams = 264;  // blocks: two for each of an H200's multiprocessors; each has memory of its own

template <class F>
__device__ void ForEach(int64_t n, const F& f) {
  for (int64_t i = threadIdx.x; i < n; i += kTeamThreads) f(i);
  __syncthreads();
}
__device__ inline void Fill(float* x, int64_t n, float value) {
  ForEach(n, [&](int64_t i) { x[i] = value; });
}

enum class Turned { kNo, kLeft, kRight };  // kLeft: a is [depth, rows]. kRight: b is [columns, depth].

// c (+)= factor a b, with dense rows.
template <Turned kTurned>
__device__ void TeamProduct(int rows, int columns, int depth, const float* a, const float* b, bool add, float* c,
                            float factor = 1) {
  ForEach(int64_t{rows} * columns, [&](int64_t at) {
    const int64_t i = at / columns, j = at % columns;
    float sum = 0;
    for (int64_t k = 0; k < depth; ++k) {
      const float x = kTurned == Turned::kLeft ? a[k * rows + i] : a[i * depth + k];
      const float y = kTurned == Turned::kRight ? b[j * depth + k] : b[k * columns + j];
      sum = fmaf(x, y, sum);
    }
    c[at] = add ? fmaf(factor, sum, c[at]) : factor * sum;
  });
}

__device__ inline float TeamDot(const float* a, const float* b, int64_t n) {  // by one thread
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum = fmaf(a[i], b[i], sum);
  return sum;
}

// A head's rows, between a view and dense floats.
template <class T>
__device__ void TeamLoad(const Lines<const T>& from, int64_t token, int rows, int head, int width, float* to) {
  ForEach(int64_t{rows} * width, [&](int64_t i) { to[i] = static_cast<float>(from.at(token + i / width, head)[i % width]); });
}
template <class T>
__device__ void TeamStore(const float* from, int64_t token, int rows, int head, int width, const Lines<T>& to) {
  ForEach(int64_t{rows} * width, [&](int64_t i) { to.at(token + i / width, head)[i % width] = static_cast<T>(from[i]); });
}

// Takes arrays out of a block's memory, each at a multiple of 4 floats; null counts.
struct TeamMemory {
  float* data;
  int64_t taken = 0;
  __host__ __device__ float* Take(int64_t floats) {
    float* at = data == nullptr ? nullptr : data + taken;
    taken += (floats + 3) / 4 * 4;
    return at;
  }
};

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_TEAM_CUH_
