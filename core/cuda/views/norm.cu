// Norms by heads: LayerNorm and RMS norm in every form, forward and backward. A warp or a block has a line (one head of one row)
// and reads it once for each sum; the second time it comes from the nearest cache.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/views/lines.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostChunks = 528;  // that the sums over rows are made of
constexpr int64_t kLeastRows = 4;

template <class T>
struct Weights {
  const T* w;
  float plus;       // 1 where the weight is 1 + w
  int64_t by_head;  // distance of the heads' weights: 0 where they share one
  template <int kN>
  __device__ void Read(int64_t head, int64_t column, float (&to)[kN]) const {
    if (w == nullptr) {
#pragma unroll
      for (int i = 0; i < kN; ++i) to[i] = 1;
      return;
    }
    ReadFloats<kN>(w + head * by_head + column, to);
#pragma unroll
    for (int i = 0; i < kN; ++i) to[i] += plus;
  }
};

// blockDim (32 or 256, y): the x threads share a line.
template <class T, int kN>
__global__ void __launch_bounds__(kThreads)
    NormKernel(Lines<const T> x, Weights<T> weights, const T* bias, Lines<T> y, int64_t lines, int64_t heads, int64_t width,
               float epsilon, bool center, bool round_first, float* mean, float* rstd) {
  __shared__ float sums[2][kThreads / kWarp];
  const int64_t line = int64_t{blockIdx.x} * blockDim.y + threadIdx.y, step = int64_t{blockDim.x} * kN;
  const bool exists = line < lines;  // all threads take part in the sums
  const int64_t row = exists ? line / heads : 0, head = exists ? line % heads : 0, end = exists ? width : 0;
  const T* from = x.at(row, head);
  float middle = 0;
  if (center) {
    float sum = 0;
    for (int64_t c = threadIdx.x * kN; c < end; c += step) {
      float v[kN];
      ReadFloats<kN>(from + c, v);
#pragma unroll
      for (int i = 0; i < kN; ++i) sum += v[i];
    }
    middle = RowSum(sum, sums[0]) / static_cast<float>(width);
  }
  float squares = 0;
  for (int64_t c = threadIdx.x * kN; c < end; c += step) {
    float v[kN];
    ReadFloats<kN>(from + c, v);
#pragma unroll
    for (int i = 0; i < kN; ++i) squares += (v[i] - middle) * (v[i] - middle);
  }
  const float scale = rsqrtf(RowSum(squares, sums[1]) / static_cast<float>(width) + epsilon);
  for (int64_t c = threadIdx.x * kN; c < end; c += step) {
    float v[kN], w[kN], b[kN] = {};
    ReadFloats<kN>(from + c, v);
    weights.Read(head, c, w);
    if (bias != nullptr) ReadFloats<kN>(bias + head * weights.by_head + c, b);
#pragma unroll
    for (int i = 0; i < kN; ++i) {
      const float normed = (v[i] - middle) * scale;
      v[i] = (round_first ? RoundedAs<T>(normed) : normed) * w[i] + b[i];
    }
    WriteFloats<kN>(y.at(row, head) + c, v);
  }
  if (exists && threadIdx.x == 0) {
    rstd[line] = scale;
    if (center) mean[line] = middle;
  }
}

template <class T, int kN>
__global__ void __launch_bounds__(kThreads)
    NormInputGradientKernel(Lines<const T> x, Weights<T> weights, Lines<const T> dy, Lines<const T> residual, Lines<T> dx,
                            int64_t lines, int64_t heads, int64_t width, bool center, const float* mean, const float* rstd) {
  __shared__ float sums[2][kThreads / kWarp];
  const int64_t line = int64_t{blockIdx.x} * blockDim.y + threadIdx.y, step = int64_t{blockDim.x} * kN;
  const bool exists = line < lines;
  const int64_t row = exists ? line / heads : 0, head = exists ? line % heads : 0, end = exists ? width : 0;
  const float middle = exists && center ? mean[line] : 0, scale = exists ? rstd[line] : 0;
  const T *from = x.at(row, head), *gradient = dy.at(row, head);
  float level = 0, slope = 0;
  for (int64_t c = threadIdx.x * kN; c < end; c += step) {
    float v[kN], w[kN], d[kN];
    ReadFloats<kN>(from + c, v);
    ReadFloats<kN>(gradient + c, d);
    weights.Read(head, c, w);
#pragma unroll
    for (int i = 0; i < kN; ++i) {
      const float g = d[i] * w[i];
      level += g;
      slope += g * ((v[i] - middle) * scale);
    }
  }
  level = center ? RowSum(level, sums[0]) / static_cast<float>(width) : 0.0f;
  slope = RowSum(slope, sums[1]) / static_cast<float>(width);
  for (int64_t c = threadIdx.x * kN; c < end; c += step) {
    float v[kN], w[kN], d[kN], rest[kN] = {};
    ReadFloats<kN>(from + c, v);
    ReadFloats<kN>(gradient + c, d);
    weights.Read(head, c, w);
    if (residual.data != nullptr) ReadFloats<kN>(residual.at(row, head) + c, rest);
#pragma unroll
    for (int i = 0; i < kN; ++i) v[i] = scale * (d[i] * w[i] - level - slope * ((v[i] - middle) * scale)) + rest[i];
    WriteFloats<kN>(dx.at(row, head) + c, v);
  }
}

// partials[chunk, 0 .. width) and [chunk, width .. 2 width): the chunk's sums for dw and dbias. Thread: a column; block: a chunk
// of rows and a tile of columns. Runs before dx is written, which may lie on dy.
template <class T>
__global__ void __launch_bounds__(kThreads)
    NormWeightGradientKernel(Lines<const T> x, Lines<const T> dy, int64_t rows, int64_t heads, int64_t width, bool by_head,
                             bool center, const float* mean, const float* rstd, int64_t chunk, float* partials) {
  const int64_t columns = by_head ? heads * width : width;
  const int64_t column = int64_t{blockIdx.y} * kThreads + threadIdx.x;
  if (column >= columns) return;
  const int64_t c = column % width, first = by_head ? column / width : 0, last = by_head ? first + 1 : heads;
  const int64_t begin = blockIdx.x * chunk, end = min(rows, begin + chunk);
  float dw = 0, dbias = 0;
  for (int64_t r = begin; r < end; ++r) {
    for (int64_t h = first; h < last; ++h) {
      const int64_t line = r * heads + h;
      const float d = static_cast<float>(dy.at(r, h)[c]);
      dw += d * ((static_cast<float>(x.at(r, h)[c]) - (center ? mean[line] : 0.0f)) * rstd[line]);
      dbias += d;
    }
  }
  float* to = partials + blockIdx.x * 2 * columns + column;
  to[0] = dw;
  to[columns] = dbias;
}

dim3 LineBlock(int64_t width, int elements) {
  return width <= int64_t{4} * kWarp * elements ? dim3(kWarp, kThreads / kWarp) : dim3(kThreads, 1);
}

int64_t SumsWidth(const NormBackwardArgs& a) { return a.by_head ? a.heads * a.width : a.width; }

template <class T>
void WeightGradients(cudaStream_t stream, const NormBackwardArgs& a, float* partials) {
  const int64_t columns = SumsWidth(a), tiles = CeilDiv(columns, kThreads);
  HLM_CHECK(tiles <= 65535, "NormBackward of ", columns, " weights");
  const RowChunks chunks = CutRows(a.rows, kMostChunks, kLeastRows);
  const dim3 grid(GridSize(chunks.count), static_cast<unsigned>(tiles));
  NormWeightGradientKernel<<<grid, kThreads, 0, stream>>>(Lines<const T>(a.x, a.heads, a.width),
                                                          Lines<const T>(a.dy, a.heads, a.width), a.rows, a.heads, a.width,
                                                          a.by_head, a.kind.center, a.mean, a.rstd, chunks.rows, partials);
  CheckLaunch("NormBackward (weights)");
  // Columns of dw, then of dbias. What is not wanted goes where nobody looks: the partial sums' own place, which has been read.
  float* nowhere = partials + chunks.count * 2 * columns;
  AddPartialSums(stream, {partials, chunks.count, 2 * columns, a.accumulate, a.dw == nullptr ? nowhere : a.dw,
                          a.dbias == nullptr ? nowhere : a.dbias, columns});
}

}  // namespace

void Norm(cudaStream_t stream, const NormArgs& a) {
  const auto fits = [&]<class T>(int n) {
    return Lines<const T>(a.x, a.heads, a.width).InStepsOf(n) && Lines<T>(a.y, a.heads, a.width).InStepsOf(n);
  };
  ForVectors(a.type, a.width, fits, [&]<class T, int kN>() {
    const dim3 block = LineBlock(a.width, kN);
    const int64_t lines = a.rows * a.heads;
    const Weights<T> weights{static_cast<const T*>(a.w), a.kind.one_plus ? 1.0f : 0.0f, a.by_head ? a.width : 0};
    NormKernel<T, kN><<<GridSize(CeilDiv(lines, int64_t{block.y})), block, 0, stream>>>(
        Lines<const T>(a.x, a.heads, a.width), weights, static_cast<const T*>(a.bias), Lines<T>(a.y, a.heads, a.width), lines,
        a.heads, a.width, a.epsilon, a.kind.center, a.kind.round_first, a.mean, a.rstd);
  });
  CheckLaunch("Norm");
}

// The chunks' sums, and a place for those that are not wanted.
size_t NormBackwardBytes(const NormBackwardArgs& a) {
  return static_cast<size_t>((std::min(kMostChunks, CeilDiv(a.rows, kLeastRows)) * 2 + 1) * SumsWidth(a)) * sizeof(float);
}

void NormBackward(cudaStream_t stream, const NormBackwardArgs& a, void* scratch) {
  const auto fits = [&]<class T>(int n) {
    return Lines<const T>(a.x, a.heads, a.width).InStepsOf(n) && Lines<const T>(a.dy, a.heads, a.width).InStepsOf(n) &&
           Lines<const T>(a.residual, a.heads, a.width).InStepsOf(n) && Lines<T>(a.dx, a.heads, a.width).InStepsOf(n);
  };
  ForVectors(a.type, a.width, fits, [&]<class T, int kN>() {
    if (a.dw != nullptr || a.dbias != nullptr) WeightGradients<T>(stream, a, static_cast<float*>(scratch));
    const dim3 block = LineBlock(a.width, kN);
    const int64_t lines = a.rows * a.heads;
    const Weights<T> weights{static_cast<const T*>(a.w), a.kind.one_plus ? 1.0f : 0.0f, a.by_head ? a.width : 0};
    NormInputGradientKernel<T, kN><<<GridSize(CeilDiv(lines, int64_t{block.y})), block, 0, stream>>>(
        Lines<const T>(a.x, a.heads, a.width), weights, Lines<const T>(a.dy, a.heads, a.width),
        Lines<const T>(a.residual, a.heads, a.width), Lines<T>(a.dx, a.heads, a.width), lines, a.heads, a.width, a.kind.center,
        a.mean, a.rstd);
  });
  CheckLaunch("NormBackward");
}

}  // namespace hlm::cuda
