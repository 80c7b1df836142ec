// Products by expert: on Hopper's tensor cores in bf16, else by tiles of our own on every GPU, in fp32 with fused additions: 64 by 64,
// one sum's terms in their order.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/experts/experts.h"
#include "core/cuda/experts/sm90/products.h"
#include "core/cuda/experts/tiles.cuh"
#include "core/cuda/vec.cuh"
#include "core/cuda/views/pieces.cuh"

namespace hlm::cuda {
namespace {

constexpr int kTile = kTileRows, kDepth = 16, kThreads = 256, kOwn = 4;  // a thread has 4 x 4 of a tile
static_assert(kTile * kTile == kThreads * kOwn * kOwn);

// Element (i, k) of an operand is data[i * row + k * step], for i below `rows`: one of the two distances is 1.
template <class T>
struct Operand {
  const T* data;
  int64_t row, step;
  int64_t rows;

  // to[k][i] for a tile from row `first` on, zeros beyond what is there. Neighbouring threads read neighbouring elements.
  __device__ void Load(int64_t first, int64_t k, int64_t depth, float (*to)[kTile + 1]) const {
    for (int n = static_cast<int>(threadIdx.x); n < kTile * kDepth; n += kThreads) {
      const int i = step == 1 ? n / kDepth : n % kTile, j = step == 1 ? n % kDepth : n / kTile;
      const bool there = first + i < rows && k + j < depth;
      to[j][i] = there ? static_cast<float>(data[(first + i) * row + (k + j) * step]) : 0.0f;
    }
  }
};

// put(row, column, value) for a block's tile of a b^T, [a.rows, b.rows], from (row, column) on.
template <class T, class Put>
__device__ void MultiplyTile(const Operand<T>& a, const Operand<T>& b, int64_t depth, int64_t row, int64_t column,
                             const Put& put) {
  __shared__ float of_a[kDepth][kTile + 1], of_b[kDepth][kTile + 1];
  const int ty = static_cast<int>(threadIdx.x) / (kTile / kOwn), tx = static_cast<int>(threadIdx.x) % (kTile / kOwn);
  constexpr int kApart = kTile / kOwn;
  float sums[kOwn][kOwn] = {};
  for (int64_t k = 0; k < depth; k += kDepth) {
    a.Load(row, k, depth, of_a);
    b.Load(column, k, depth, of_b);
    __syncthreads();
#pragma unroll
    for (int j = 0; j < kDepth; ++j) {
      float x[kOwn], y[kOwn];
#pragma unroll
      for (int i = 0; i < kOwn; ++i) {
        x[i] = of_a[j][ty + i * kApart];
        y[i] = of_b[j][tx + i * kApart];
      }
#pragma unroll
      for (int i = 0; i < kOwn; ++i) {
#pragma unroll
        for (int l = 0; l < kOwn; ++l) sums[i][l] = fmaf(x[i], y[l], sums[i][l]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kOwn; ++i) {
#pragma unroll
    for (int l = 0; l < kOwn; ++l) {
      const int64_t r = row + ty + i * kApart, c = column + tx + l * kApart;
      if (r < a.rows && c < b.rows) put(r, c, sums[i][l]);
    }
  }
}

// Block (tile of rows, tile of columns).
template <class T>
__global__ void __launch_bounds__(kThreads) ForwardKernel(const RowTile* tiles, GroupedLinearArgs a) {
  const RowTile tile = tiles[blockIdx.x];
  if (tile.rows == 0) return;
  const Operand<T> x{static_cast<const T*>(a.x) + tile.first * a.in, a.in, 1, tile.rows};
  const Operand<T> w{static_cast<const T*>(a.w) + tile.expert * a.w_stride, a.in, 1, a.out};
  const T* bias = a.bias == nullptr ? nullptr : static_cast<const T*>(a.bias) + tile.expert * a.bias_stride;
  T* y = static_cast<T*>(a.y) + tile.first * a.out;
  MultiplyTile(x, w, a.in, 0, int64_t{blockIdx.y} * kTile, [&](int64_t r, int64_t c, float sum) {
    y[r * a.out + c] = static_cast<T>(bias == nullptr ? sum : sum + static_cast<float>(bias[c]));
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads) BackwardInputKernel(const RowTile* tiles, GroupedLinearBackwardInputArgs a) {
  const RowTile tile = tiles[blockIdx.x];
  if (tile.rows == 0) return;
  const Operand<T> dy{static_cast<const T*>(a.dy) + tile.first * a.out, a.out, 1, tile.rows};
  const Operand<T> w{static_cast<const T*>(a.w) + tile.expert * a.w_stride, 1, a.in, a.in};
  T* dx = static_cast<T*>(a.dx) + tile.first * a.in;
  MultiplyTile(dy, w, a.out, 0, int64_t{blockIdx.y} * kTile,
               [&](int64_t r, int64_t c, float sum) { dx[r * a.in + c] = static_cast<T>(sum); });
}

// Block (tile of columns, tile of the matrix's rows, expert).
template <class T>
__global__ void __launch_bounds__(kThreads) BackwardWeightKernel(GroupedLinearBackwardWeightArgs a) {
  const int32_t* offsets = a.range.offsets + a.range.first + blockIdx.z;
  const int64_t first = offsets[0], rows = offsets[1] - offsets[0];
  if (rows == 0 && a.accumulate) return;
  const Operand<T> dy{static_cast<const T*>(a.dy) + first * a.out, 1, a.out, a.out};
  const Operand<T> x{static_cast<const T*>(a.x) + first * a.in, 1, a.in, a.in};
  float* dw = a.dw + blockIdx.z * a.dw_stride;
  MultiplyTile(dy, x, rows, int64_t{blockIdx.y} * kTile, int64_t{blockIdx.x} * kTile, [&](int64_t r, int64_t c, float sum) {
    float* to = dw + r * a.in + c;
    *to = a.accumulate ? *to + sum : sum;
  });
}

// Blocks for `first` tiles of rows or columns and for `second` elements in tiles.
dim3 TileGrid(int64_t first, int64_t second, int64_t third = 1) {
  const int64_t tiles = CeilDiv(second, int64_t{kTile});
  HLM_CHECK(tiles <= 65535 && third <= 65535, "a grouped product of width ", second, ", ", third, " experts");
  return {GridSize(first), static_cast<unsigned>(tiles), static_cast<unsigned>(third)};
}

template <class Args>
size_t TilesBytes(const Args& a) {
  Pieces pieces(nullptr);
  pieces.Take<RowTile>(CountTiles(a.rows, a.range.count));
  return std::max(pieces.taken(), sm90::Bytes(a.range.count));
}
template <class Args>
RowTile* Tiles(cudaStream_t stream, const Args& a, void* scratch) {
  auto* tiles = static_cast<RowTile*>(scratch);
  ListTiles(stream, a.range, a.rows, tiles);
  return tiles;
}

}  // namespace

size_t GroupedLinearBytes(const GroupedLinearArgs& a) { return TilesBytes(a); }
size_t GroupedLinearBytes(const GroupedLinearBackwardInputArgs& a) { return TilesBytes(a); }
size_t GroupedLinearBytes(const GroupedLinearBackwardWeightArgs& a) { return sm90::Bytes(a.range.count); }

void GroupedLinear(cudaStream_t stream, const GroupedLinearArgs& a, void* scratch) {
  if (sm90::Takes(a)) return sm90::Forward(stream, a, scratch);
  const RowTile* tiles = Tiles(stream, a, scratch);
  const dim3 grid = TileGrid(CountTiles(a.rows, a.range.count), a.out);
  ForType(a.type, [&]<class T>() { ForwardKernel<T><<<grid, kThreads, 0, stream>>>(tiles, a); });
  CheckLaunch("GroupedLinear");
}

void GroupedLinearBackwardInput(cudaStream_t stream, const GroupedLinearBackwardInputArgs& a, void* scratch) {
  if (sm90::Takes(a)) return sm90::BackwardInput(stream, a, scratch);
  const RowTile* tiles = Tiles(stream, a, scratch);
  const dim3 grid = TileGrid(CountTiles(a.rows, a.range.count), a.in);
  ForType(a.type, [&]<class T>() { BackwardInputKernel<T><<<grid, kThreads, 0, stream>>>(tiles, a); });
  CheckLaunch("GroupedLinearBackwardInput");
}

void GroupedLinearBackwardWeight(cudaStream_t stream, const GroupedLinearBackwardWeightArgs& a, void* scratch) {
  if (sm90::Takes(a)) {
    sm90::BackwardWeight(stream, a, scratch);
    if (!a.accumulate) ClearUnrouted(stream, a);
  } else {
    const dim3 grid = TileGrid(CeilDiv(a.in, int64_t{kTile}), a.out, a.range.count);
    ForType(a.type, [&]<class T>() { BackwardWeightKernel<T><<<grid, kThreads, 0, stream>>>(a); });
    CheckLaunch("GroupedLinearBackwardWeight");
  }
  if (a.dbias != nullptr) GroupedColumnSums(stream, a);
}

}  // namespace hlm::cuda
