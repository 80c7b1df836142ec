// Rows on their way to experts and back: gathered, added up in the order of a token's choices, multiplied with each other.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/experts/experts.h"
#include "core/cuda/span.cuh"
#include "core/cuda/views/lines.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kDotWarps = 8;

// A block has some rows, and threads for the vectors of each.
dim3 BlockFor(int64_t vecs) {
  unsigned x = kWarp;
  while (x < kThreads && x < vecs) x *= 2;
  return {x, kThreads / x, 1};
}
unsigned GridFor(int64_t rows, const dim3& block) { return GridSize(CeilDiv(rows, int64_t{block.y})); }
__device__ int64_t RowOfThread() { return int64_t{blockIdx.x} * blockDim.y + threadIdx.y; }

// Dense rows begin at vectors where their width is a multiple of one.
bool Aligned(const void* data, int n, size_t element) {
  return reinterpret_cast<uintptr_t>(data) % (static_cast<size_t>(n) * element) == 0;
}

template <class T, int kN>
__global__ void __launch_bounds__(kThreads) GatherRowsKernel(const T* x, const int32_t* sources, const float* weights,
                                                             int64_t rows, int chosen, int64_t width, T* y, RowRange range) {
  const int64_t row = RowOfThread();
  if (!SpanOf(range, rows, 1).Has(row)) return;
  const int pair = sources[row];
  const T* from = x + int64_t{pair / chosen} * width;
  T* to = y + row * width;
  const float weight = weights == nullptr ? 1.0f : weights[pair];
  for (int64_t c = int64_t{threadIdx.x} * kN; c < width; c += int64_t{blockDim.x} * kN) {
    float v[kN];
    ReadFloats<kN>(from + c, v);
    if (weights != nullptr) {
#pragma unroll
      for (int k = 0; k < kN; ++k) v[k] *= weight;
    }
    WriteFloats<kN>(to + c, v);
  }
}

// y may be addend: a thread reads what it writes.
template <class T, int kN>
__global__ void __launch_bounds__(kThreads) CombineRowsKernel(const T* x, const int32_t* rows, const float* weights,
                                                              const T* addend, int64_t tokens, int chosen, int64_t width, T* y) {
  const int64_t token = RowOfThread();
  if (token >= tokens) return;
  rows += token * chosen;
  if (weights != nullptr) weights += token * chosen;
  for (int64_t c = int64_t{threadIdx.x} * kN; c < width; c += int64_t{blockDim.x} * kN) {
    float sum[kN] = {};
#pragma unroll 4
    for (int j = 0; j < chosen; ++j) {
      const float weight = weights == nullptr ? 1.0f : weights[j];
      float v[kN];
      ReadFloats<kN>(x + int64_t{rows[j]} * width + c, v);
#pragma unroll
      for (int k = 0; k < kN; ++k) sum[k] += weight * v[k];
    }
    const int64_t at = token * width + c;
    if (addend != nullptr) {
      float v[kN];
      ReadFloats<kN>(addend + at, v);
#pragma unroll
      for (int k = 0; k < kN; ++k) sum[k] += v[k];
    }
    WriteFloats<kN>(y + at, sum);
  }
}

// A warp has a pair.
template <class T, int kN>
__global__ void __launch_bounds__(kWarp* kDotWarps) RowDotsKernel(RowDotsArgs a) {
  const int64_t pair = RowOfThread();
  if (pair >= a.tokens * a.chosen) return;  // a whole warp
  if (a.count != 0 && (a.choice[pair] < a.first || a.choice[pair] >= a.first + a.count)) return;
  const int64_t row = a.rows[pair];
  const T *x = static_cast<const T*>(a.a) + row * a.width, *b = static_cast<const T*>(a.b);
  if (a.with == DotWith::kRow) {
    b += row * a.width;
  } else if (a.with == DotWith::kToken) {
    b += pair / a.chosen * a.width;
  } else {
    b += (a.choice[pair] - a.first) * a.stride;
  }
  float part = 0;
  for (int64_t c = int64_t{threadIdx.x} * kN; c < a.width; c += kWarp * kN) {
    float u[kN], v[kN];
    ReadFloats<kN>(x + c, u);
    ReadFloats<kN>(b + c, v);
#pragma unroll
    for (int k = 0; k < kN; ++k) part += u[k] * v[k];
  }
  const float dot = WarpSum(part), divisor = a.divisors == nullptr ? 1.0f : a.divisors[pair];
  if (threadIdx.x != 0) return;
  const float value = divisor == 0 ? 0.0f : dot / divisor;
  a.y[pair] = a.accumulate ? a.y[pair] + value : value;
}

}  // namespace

void GatherRows(cudaStream_t stream, const GatherRowsArgs& a) {
  const auto fits = [&]<class T>(int n) { return Aligned(a.x, n, sizeof(T)) && Aligned(a.y, n, sizeof(T)); };
  const int64_t rows = a.tokens * a.chosen;
  ForVectors(a.type, a.width, fits, [&]<class T, int kN>() {
    const dim3 block = BlockFor(a.width / kN);
    GatherRowsKernel<T, kN><<<GridFor(rows, block), block, 0, stream>>>(static_cast<const T*>(a.x), a.sources, a.weights, rows,
                                                                        static_cast<int>(a.chosen), a.width, static_cast<T*>(a.y),
                                                                        a.range);
  });
  CheckLaunch("GatherRows");
}

void CombineRows(cudaStream_t stream, const CombineRowsArgs& a) {
  const auto fits = [&]<class T>(int n) {
    return Aligned(a.x, n, sizeof(T)) && Aligned(a.addend, n, sizeof(T)) && Aligned(a.y, n, sizeof(T));
  };
  ForVectors(a.type, a.width, fits, [&]<class T, int kN>() {
    const dim3 block = BlockFor(a.width / kN);
    CombineRowsKernel<T, kN><<<GridFor(a.tokens, block), block, 0, stream>>>(
        static_cast<const T*>(a.x), a.rows, a.weights, static_cast<const T*>(a.addend), a.tokens, static_cast<int>(a.chosen),
        a.width, static_cast<T*>(a.y));
  });
  CheckLaunch("CombineRows");
}

void RowDots(cudaStream_t stream, const RowDotsArgs& a) {
  const auto fits = [&]<class T>(int n) {
    return Aligned(a.a, n, sizeof(T)) && Aligned(a.b, n, sizeof(T)) && (a.with != DotWith::kExpert || a.stride % n == 0);
  };
  ForVectors(a.type, a.width, fits, [&]<class T, int kN>() {
    RowDotsKernel<T, kN><<<GridSize(CeilDiv(a.tokens * a.chosen, int64_t{kDotWarps})), dim3(kWarp, kDotWarps), 0, stream>>>(a);
  });
  CheckLaunch("RowDots");
}

}  // namespace hlm::cuda
