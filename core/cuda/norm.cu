// RMS norm, forward and backward (Zhang and Sennrich 2019, eq. 4). A row stays in registers between its sum and the use of the
// sum; only rows too wide for that are read twice.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kMostThreads = 1024;
constexpr int kMostWarps = kMostThreads / kWarp;

// ---- forward ----

constexpr int kMostVecs = 4;           // of a row in a thread's registers
constexpr int64_t kMostBlocks = 4096;  // those beyond it take turns, and keep the weights in registers meanwhile

// rstd of a row; every thread of the row calls it with its part of the sum of squares.
__device__ float Rstd(float squares, int64_t width, float epsilon, float* sums) {
  return rsqrtf(RowSum(squares, sums) / static_cast<float>(width) + epsilon);
}

template <int kN>
__device__ float SquareSum(const float (&x)[kN]) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kN; ++i) sum += x[i] * x[i];
  return sum;
}

// y = round(round(x * rstd) * w)
template <class T, int kN>
__device__ Vec<T, kN> Normed(const Vec<T, kN>& x, const Vec<T, kN>& w, float rstd) {
  float values[kN], weights[kN];
  ToFloats(x, values);
  ToFloats(w, weights);
#pragma unroll
  for (int i = 0; i < kN; ++i) values[i] *= rstd;
  RoundTo<T>(values);
#pragma unroll
  for (int i = 0; i < kN; ++i) values[i] *= weights[i];
  return FromFloats<T>(values);
}

// Threads (x, y): blockDim.x share a row, blockDim.y rows at once.
template <class T, int kVecs>
__global__ void __launch_bounds__(256)
    RmsNormKernel(const T* x, const T* w, int64_t rows, int64_t width, float epsilon, T* y, float* rstd) {
  constexpr int kN = kWide<T>;
  __shared__ float sums[2][kMostWarps];
  const int64_t begin = int64_t{threadIdx.x} * kN, step = int64_t{blockDim.x} * kN;
  Vec<T, kN> weights[kVecs] = {};
#pragma unroll
  for (int k = 0; k < kVecs; ++k) {
    if (begin + k * step < width) weights[k] = LoadReadOnly<kN>(w + begin + k * step);
  }
  int turn = 0;
  for (int64_t first = int64_t{blockIdx.x} * blockDim.y; first < rows; first += int64_t{gridDim.x} * blockDim.y) {
    const int64_t row = first + threadIdx.y, start = row * width + begin;
    const int64_t inside = row < rows ? width : 0;
    Vec<T, kN> values[kVecs] = {};
#pragma unroll
    for (int k = 0; k < kVecs; ++k) {
      if (begin + k * step < inside) values[k] = LoadReadOnly<kN>(x + start + k * step);
    }
    float squares = 0;
#pragma unroll
    for (int k = 0; k < kVecs; ++k) {
      float floats[kN];
      ToFloats(values[k], floats);
      squares += SquareSum(floats);
    }
    const float scale = Rstd(squares, width, epsilon, sums[turn]);
    turn ^= 1;
#pragma unroll
    for (int k = 0; k < kVecs; ++k) {
      Opaque(values[k]), Opaque(weights[k]);  // widened anew, see RmsNormBackwardKernel
      if (begin + k * step < inside) Store(y + start + k * step, Normed(values[k], weights[k], scale));
    }
    if (inside > 0 && threadIdx.x == 0) rstd[row] = scale;
  }
}

// A block a row, read twice.
template <class T>
__global__ void __launch_bounds__(kMostThreads)
    RmsNormWideKernel(const T* x, const T* w, int64_t width, float epsilon, T* y, float* rstd) {
  constexpr int kN = kWide<T>;
  __shared__ float sums[kMostWarps];
  const int64_t row = blockIdx.x, step = int64_t{kMostThreads} * kN;
  const T* from = x + row * width;
  float squares = 0;
#pragma unroll 4
  for (int64_t c = threadIdx.x * kN; c < width; c += step) {
    float floats[kN];
    ToFloats(LoadReadOnly<kN>(from + c), floats);
    squares += SquareSum(floats);
  }
  const float scale = Rstd(squares, width, epsilon, sums);
#pragma unroll 4
  for (int64_t c = threadIdx.x * kN; c < width; c += step) {
    Store(y + row * width + c, Normed(LoadReadOnly<kN>(from + c), LoadReadOnly<kN>(w + c), scale));
  }
  if (threadIdx.x == 0) rstd[row] = scale;
}

template <class T>
void Forward(cudaStream_t stream, const RmsNormArgs& args) {
  const auto *x = static_cast<const T*>(args.x), *w = static_cast<const T*>(args.w);
  auto* y = static_cast<T*>(args.y);
  const int64_t vecs = CeilDiv(args.width, kWide<T>);
  const auto run = [&](auto kernel, int64_t each) {
    const int64_t threads = RoundUp(CeilDiv(vecs, each), kWarp), together = std::max<int64_t>(1, 128 / threads);
    const unsigned grid = GridSize(std::min(kMostBlocks, CeilDiv(args.rows, together)));
    const dim3 block(static_cast<unsigned>(threads), static_cast<unsigned>(together));
    kernel<<<grid, block, 0, stream>>>(x, w, args.rows, args.width, args.epsilon, y, args.rstd);
  };
  if (vecs <= kWarp) {
    run(RmsNormKernel<T, 1>, 1);
  } else if (vecs <= 2 * kWarp) {
    run(RmsNormKernel<T, 2>, 2);
  } else if (vecs <= 256 * kMostVecs) {
    run(RmsNormKernel<T, kMostVecs>, kMostVecs);
  } else {
    RmsNormWideKernel<<<GridSize(args.rows), kMostThreads, 0, stream>>>(x, w, args.width, args.epsilon, y, args.rstd);
  }
  CheckLaunch("RmsNorm");
}

// ---- backward ----

// Threads of a block; those of the rows that it does at once are together at most so many.
constexpr int kBackwardThreads = 512;
// Chunks of rows where a block does one row at a time: two blocks for each of 132 multiprocessors, all at once. A block that does
// several rows at a time has as many chunks.
constexpr int64_t kMostChunks = 264;
constexpr int64_t kLeastRows = 4;

// What the row's scale takes from dx, over x: rstd^3 / width * sum(dy * w * x).
__device__ float Slope(float sum, int64_t width, float rstd) { return sum / static_cast<float>(width) * rstd * rstd * rstd; }

template <class T, int kN>
__device__ float ScaledSum(const Vec<T, kN>& x, const Vec<T, kN>& dy, const Vec<T, kN>& w) {
  float xs[kN], dys[kN], ws[kN], sum = 0;
  ToFloats(x, xs);
  ToFloats(dy, dys);
  ToFloats(w, ws);
#pragma unroll
  for (int i = 0; i < kN; ++i) sum += xs[i] * dys[i] * ws[i];
  return sum;
}

// dx = residual + rstd * dy * w - slope * x; dw += dy * x * rstd.
template <class T, int kN>
__device__ Vec<T, kN> Gradient(const Vec<T, kN>& x, const Vec<T, kN>& dy, const Vec<T, kN>& w, const Vec<T, kN>& residual,
                               float rstd, float slope, float (&dw)[kN]) {
  float xs[kN], dys[kN], ws[kN], dx[kN];
  ToFloats(x, xs);
  ToFloats(dy, dys);
  ToFloats(w, ws);
  ToFloats(residual, dx);
#pragma unroll
  for (int i = 0; i < kN; ++i) {
    dx[i] += dys[i] * ws[i] * rstd - slope * xs[i];
    dw[i] += dys[i] * xs[i] * rstd;
  }
  return FromFloats<T>(dx);
}

template <class T>
struct BackwardOperands {
  const T* x = nullptr;
  const T* w = nullptr;
  const float* rstd = nullptr;
  const T* dy = nullptr;        // these two may be dx
  const T* residual = nullptr;  // or null
  T* dx = nullptr;
  int64_t rows = 0, width = 0, chunk_rows = 0;
  float* partials = nullptr;  // [chunks, width]: the chunks' sums for dw
  float* slopes = nullptr;    // [rows], for wide rows
};

// What a thread holds of a row.
template <class T, int kVecs>
struct RowPart {
  Vec<T, kWide<T>> x[kVecs], dy[kVecs], residual[kVecs];
  float rstd;

  // From column `first`, every `step`-th vector; columns not below `inside` are left 0.
  __device__ void Read(const BackwardOperands<T>& args, int64_t row, int64_t first, int64_t step, int64_t inside) {
    constexpr int kN = kWide<T>;
    rstd = inside > 0 ? args.rstd[row] : 0.0f;
#pragma unroll
    for (int k = 0; k < kVecs; ++k) {
      x[k] = dy[k] = residual[k] = {};
      if (first + k * step >= inside) continue;
      const int64_t from = row * args.width + first + k * step;
      x[k] = LoadReadOnly<kN>(args.x + from);
      dy[k] = Load<kN>(args.dy + from);
      if (args.residual != nullptr) residual[k] = Load<kN>(args.residual + from);
    }
  }
};

// Threads (x, y): blockDim.x share a row; each y has a chunk of rows of its own, and all step through theirs together.
template <class T, int kVecs>
__global__ void __launch_bounds__(kBackwardThreads, kVecs == 1 ? 2 : 1) RmsNormBackwardKernel(BackwardOperands<T> args) {
  constexpr int kN = kWide<T>;
  // While a row's sum is made the next row is read, and the weights stay in registers: where there are enough of them.
  constexpr bool kAhead = kVecs <= 2;
  __shared__ float sums[2][kBackwardThreads / kWarp];
  const int64_t chunk = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  const int64_t begin = chunk * args.chunk_rows;
  const int64_t first = int64_t{threadIdx.x} * kN, step = int64_t{blockDim.x} * kN;
  const auto weights = [&](int k) {
    return first + k * step < args.width ? LoadReadOnly<kN>(args.w + first + k * step) : Vec<T, kN>{};
  };
  Vec<T, kN> kept[kVecs];
  float dw[kVecs][kN] = {};
#pragma unroll
  for (int k = 0; k < kVecs; ++k) {
    if constexpr (kAhead) kept[k] = weights(k);
  }
  const auto inside = [&](int64_t i) { return i < args.chunk_rows && begin + i < args.rows ? args.width : 0; };

  RowPart<T, kVecs> part;
  if constexpr (kAhead) part.Read(args, begin, first, step, inside(0));
  for (int64_t i = 0; i < args.chunk_rows; ++i) {
    const int64_t row = begin + i;
    RowPart<T, kVecs> next;
    if constexpr (kAhead) {
      next.Read(args, row + 1, first, step, inside(i + 1));
    } else {
      part.Read(args, row, first, step, inside(i));
    }
    float sum = 0;
#pragma unroll
    for (int k = 0; k < kVecs; ++k) sum += ScaledSum(part.x[k], part.dy[k], kAhead ? kept[k] : weights(k));
    const float slope = Slope(RowSum(sum, sums[i % 2]), args.width, part.rstd);
#pragma unroll
    for (int k = 0; k < kVecs; ++k) {
      // Widened anew: their floats kept over the sum would not fit into the registers.
      Opaque(part.x[k]), Opaque(part.dy[k]);
      if constexpr (kAhead) Opaque(kept[k]);
      const Vec<T, kN> dx =
          Gradient(part.x[k], part.dy[k], kAhead ? kept[k] : weights(k), part.residual[k], part.rstd, slope, dw[k]);
      if (first + k * step < inside(i)) Store(args.dx + row * args.width + first + k * step, dx);
    }
    if constexpr (kAhead) part = next;
  }
  if (begin >= args.rows) return;
#pragma unroll
  for (int k = 0; k < kVecs; ++k) {
    if (first + k * step < args.width) StoreFloats(args.partials + chunk * args.width + first + k * step, dw[k]);
  }
}

// A block a row.
template <class T>
__global__ void __launch_bounds__(kMostThreads) RowSlopesKernel(BackwardOperands<T> args) {
  constexpr int kN = kWide<T>;
  __shared__ float sums[kMostWarps];
  const int64_t row = blockIdx.x;
  float sum = 0;
#pragma unroll 4
  for (int64_t c = threadIdx.x * kN; c < args.width; c += int64_t{kMostThreads} * kN) {
    sum += ScaledSum(LoadReadOnly<kN>(args.x + row * args.width + c), LoadReadOnly<kN>(args.dy + row * args.width + c),
                     LoadReadOnly<kN>(args.w + c));
  }
  const float slope = Slope(RowSum(sum, sums), args.width, args.rstd[row]);
  if (threadIdx.x == 0) args.slopes[row] = slope;
}

// Block (chunk, tile of columns).
template <class T>
__global__ void __launch_bounds__(kBackwardThreads) RmsNormBackwardWideKernel(BackwardOperands<T> args) {
  constexpr int kN = kWide<T>;
  const int64_t begin = blockIdx.x * args.chunk_rows;
  const int64_t column = (int64_t{blockIdx.y} * kBackwardThreads + threadIdx.x) * kN;
  if (column >= args.width) return;
  const Vec<T, kN> weights = LoadReadOnly<kN>(args.w + column);
  float dw[kN] = {};
#pragma unroll 2
  for (int64_t row = begin; row < min(args.rows, begin + args.chunk_rows); ++row) {
    RowPart<T, 1> part;
    part.Read(args, row, column, 0, args.width);
    Store(args.dx + row * args.width + column,
          Gradient(part.x[0], part.dy[0], weights, part.residual[0], part.rstd, args.slopes[row], dw));
  }
  StoreFloats(args.partials + blockIdx.x * args.width + column, dw);
}

template <class T>
void Backward(cudaStream_t stream, const RmsNormBackwardArgs& from, float* scratch) {
  BackwardOperands<T> args;
  args.x = static_cast<const T*>(from.x);
  args.w = static_cast<const T*>(from.w);
  args.rstd = from.rstd;
  args.dy = static_cast<const T*>(from.dy);
  args.residual = static_cast<const T*>(from.residual);
  args.dx = static_cast<T*>(from.dx);
  args.rows = from.rows;
  args.width = from.width;
  args.partials = scratch;
  const int64_t vecs = CeilDiv(args.width, kWide<T>);
  RowChunks chunks;
  const auto run = [&](auto kernel, int64_t each) {
    const int64_t threads = RoundUp(CeilDiv(vecs, each), kWarp), together = kBackwardThreads / threads;
    chunks = CutRows(args.rows, kMostChunks * together, kLeastRows);
    args.chunk_rows = chunks.rows;
    const dim3 block(static_cast<unsigned>(threads), static_cast<unsigned>(together));
    kernel<<<GridSize(CeilDiv(chunks.count, together)), block, 0, stream>>>(args);
  };
  if (vecs <= kBackwardThreads) {
    run(RmsNormBackwardKernel<T, 1>, 1);
  } else if (vecs <= 2 * kBackwardThreads) {
    run(RmsNormBackwardKernel<T, 2>, 2);
  } else if (vecs <= 4 * kBackwardThreads) {
    run(RmsNormBackwardKernel<T, 4>, 4);
  } else {
    chunks = CutRows(args.rows, kMostChunks, kLeastRows);
    args.chunk_rows = chunks.rows;
    args.slopes = scratch + chunks.count * args.width;
    RowSlopesKernel<<<GridSize(args.rows), kMostThreads, 0, stream>>>(args);
    const int64_t tiles = CeilDiv(vecs, kBackwardThreads);
    HLM_CHECK(tiles <= 65535, "RmsNormBackward of width ", args.width);
    const dim3 grid(GridSize(chunks.count), static_cast<unsigned>(tiles));
    RmsNormBackwardWideKernel<<<grid, kBackwardThreads, 0, stream>>>(args);
  }
  CheckLaunch("RmsNormBackward");
  AddPartialSums(stream, {scratch, chunks.count, args.width, from.accumulate, from.dw, nullptr, args.width});
}

}  // namespace

void RmsNorm(cudaStream_t stream, const RmsNormArgs& args) {
  args.type == DType::kF32 ? Forward<float>(stream, args) : Forward<bf16>(stream, args);
}

// Chunks times width, and a slope a row. Rows done together have at most kBackwardThreads vectors in all.
size_t RmsNormBackwardBytes(int64_t rows, int64_t width) {
  const int64_t most = kMostChunks * std::max<int64_t>(width, kBackwardThreads * kWide<bf16>);
  return static_cast<size_t>(std::min(most, CeilDiv(rows, kLeastRows) * width) + rows) * sizeof(float);
}

void RmsNormBackward(cudaStream_t stream, const RmsNormBackwardArgs& args, void* scratch) {
  auto* floats = static_cast<float*>(scratch);
  args.type == DType::kF32 ? Backward<float>(stream, args, floats) : Backward<bf16>(stream, args, floats);
}

}  // namespace hlm::cuda
