// Sums of a matrix's columns: the gradient of a bias.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kWarps = 8;  // of a block: they share the columns and take turns with the rows
constexpr int kAhead = 4;  // rows in flight in a warp
constexpr int64_t kLeastRows = kWarps * kAhead;
// Blocks that fit at once on a GPU of 132 multiprocessors, 4 on each: more would wait for the last of the first.
constexpr int64_t kMostBlocks = 528;
constexpr int64_t kWidestTile = kWarp * kWide<bf16>;

// A thread's columns of one row.
template <class T, int kN>
struct Cells {
  Vec<T, kN> v = {};
  __device__ void Load(const T* at) { v = LoadReadOnly<kN>(at); }
  __device__ void AddTo(float* sum) const {
    float values[kN];
    ToFloats(v, values);
#pragma unroll
    for (int i = 0; i < kN; ++i) sum[i] += values[i];
  }
};
template <class T>
struct Cells<T, 1> {
  T v = T(0.0f);
  __device__ void Load(const T* at) { v = __ldg(at); }
  __device__ void AddTo(float* sum) const { sum[0] += static_cast<float>(v); }
};

// Block (chunk, tile): partials[chunk, columns of the tile] = sum over the chunk's rows. kN columns a thread, which divides the width.
template <class T, int kN>
__global__ void __launch_bounds__(kWarp* kWarps, 4)
    ColumnSumsKernel(const T* x, int64_t rows, int64_t width, int64_t chunk_rows, float* partials) {
  constexpr int kTile = kWarp * kN;
  // Padded so that neither the writes (by lane) nor the reads (by column) meet in a bank.
  __shared__ float sums[kWarps][kN][kWarp + kWarp / kN];
  const int64_t tile = int64_t{blockIdx.y} * kTile, column = tile + threadIdx.x * kN;
  const int64_t begin = blockIdx.x * chunk_rows, end = min(rows, begin + chunk_rows);
  const bool inside = column < width;
  float sum[kN] = {};
  for (int64_t row = begin + threadIdx.y; row < end; row += kWarps * kAhead) {
    Cells<T, kN> cells[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      if (inside && row + k * kWarps < end) cells[k].Load(x + (row + k * kWarps) * width + column);
    }
#pragma unroll
    for (int k = 0; k < kAhead; ++k) cells[k].AddTo(sum);
  }
#pragma unroll
  for (int i = 0; i < kN; ++i) sums[threadIdx.y][i][threadIdx.x] = sum[i];
  __syncthreads();
  const int c = static_cast<int>(threadIdx.y * kWarp + threadIdx.x);
  if (c >= kTile || tile + c >= width) return;
  float total = 0;
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) total += sums[warp][c % kN][c / kN];
  partials[blockIdx.x * width + tile + c] = total;
}

template <class T, int kN>
void Run(cudaStream_t stream, const T* x, int64_t rows, int64_t width, bool accumulate, float* sums, float* partials) {
  const int64_t tiles = CeilDiv(width, kWarp * kN);
  HLM_CHECK(tiles <= 65535, "column sums of ", width, " columns");
  const RowChunks chunks = CutRows(rows, std::max<int64_t>(1, kMostBlocks / tiles), kLeastRows);
  const dim3 grid(GridSize(chunks.count), static_cast<unsigned>(tiles));
  ColumnSumsKernel<T, kN><<<grid, dim3(kWarp, kWarps), 0, stream>>>(x, rows, width, chunks.rows, partials);
  CheckLaunch("ColumnSums");
  AddPartialSums(stream, {partials, chunks.count, width, accumulate, sums, nullptr, width});
}

// Rows of a width that wide loads do not divide begin anywhere.
template <class T>
void RunWide(cudaStream_t stream, const void* x, int64_t rows, int64_t width, bool accumulate, float* sums, float* partials) {
  const auto* values = static_cast<const T*>(x);
  if (width % kWide<T> == 0) {
    Run<T, kWide<T>>(stream, values, rows, width, accumulate, sums, partials);
  } else {
    Run<T, 1>(stream, values, rows, width, accumulate, sums, partials);
  }
}

}  // namespace

// Chunks times width: tiles are at most kWidestTile wide, so that one chunk, or kMostBlocks tiles, bound it.
size_t ColumnSumsBytes(int64_t rows, int64_t width) {
  const int64_t most = std::max(width, kMostBlocks * kWidestTile);
  return static_cast<size_t>(std::min(most, CeilDiv(rows, kLeastRows) * width)) * sizeof(float);
}

void ColumnSums(cudaStream_t stream, DType type, const void* x, int64_t rows, int64_t width, bool accumulate, float* sums,
                void* scratch) {
  auto* partials = static_cast<float*>(scratch);
  if (type == DType::kF32) {
    RunWide<float>(stream, x, rows, width, accumulate, sums, partials);
  } else {
    RunWide<bf16>(stream, x, rows, width, accumulate, sums, partials);
  }
}

}  // namespace hlm::cuda
