#include "core/cuda/experts/tiles.cuh"

#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/experts/block_sums.cuh"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 1024;

// One block: each thread counts the tiles of a run of experts, then writes them behind those of the threads before it.
__global__ void __launch_bounds__(kThreads) ListTilesKernel(ExpertRange range, int64_t count, RowTile* tiles) {
  __shared__ int sums[kThreads];
  const int t = static_cast<int>(threadIdx.x), experts = static_cast<int>(range.count),
            each = (experts + kThreads - 1) / kThreads;
  const int begin = min(experts, t * each), end = min(experts, begin + each);
  const int32_t* offsets = range.offsets + range.first;
  int own = 0;
  for (int e = begin; e < end; ++e) own += (offsets[e + 1] - offsets[e] + kTileRows - 1) / kTileRows;
  int at = BlockSumBefore(own, sums);
  for (int e = begin; e < end; ++e) {
    for (int row = offsets[e]; row < offsets[e + 1]; row += kTileRows)
      tiles[at++] = {e, row, min(kTileRows, offsets[e + 1] - row)};
  }
  for (int64_t i = int64_t{sums[kThreads - 1]} + t; i < count; i += kThreads) tiles[i] = {0, 0, 0};
}

constexpr int kClearThreads = 256;
constexpr int64_t kClearBlocks = 16;  // of an expert

__global__ void __launch_bounds__(kClearThreads) ClearUnroutedKernel(GroupedLinearBackwardWeightArgs a) {
  const int32_t* offsets = a.range.offsets + a.range.first + blockIdx.y;
  if (offsets[0] != offsets[1]) return;
  float* dw = a.dw + blockIdx.y * a.dw_stride;
  const int64_t n = a.in * a.out, step = int64_t{gridDim.x} * kClearThreads;
  for (int64_t i = int64_t{blockIdx.x} * kClearThreads + threadIdx.x; i < n; i += step) dw[i] = 0;
}

constexpr int kSumRows = 8, kAhead = 4;

// Block (columns, expert): threads take turns with the expert's rows, and their sums are added up in order.
template <class T>
__global__ void __launch_bounds__(kWarp* kSumRows)
    GroupedColumnSumsKernel(const T* dy, int64_t width, ExpertRange range, float* sums, int64_t stride, bool accumulate) {
  __shared__ float parts[kSumRows][kWarp];
  const int64_t column = int64_t{blockIdx.x} * kWarp + threadIdx.x;
  const int32_t* offsets = range.offsets + range.first + blockIdx.y;
  const int begin = offsets[0], end = offsets[1];
  float sum = 0;
  if (column < width) {
    for (int64_t row = begin + static_cast<int>(threadIdx.y); row < end; row += kSumRows * kAhead) {
      float values[kAhead];
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        const int64_t r = row + k * kSumRows;
        values[k] = r < end ? static_cast<float>(dy[r * width + column]) : 0.0f;
      }
#pragma unroll
      for (int k = 0; k < kAhead; ++k) sum += values[k];
    }
  }
  parts[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= width) return;
  float total = 0;
  for (int r = 0; r < kSumRows; ++r) total += parts[r][threadIdx.x];
  float* to = sums + blockIdx.y * stride + column;
  *to = accumulate ? *to + total : total;
}

}  // namespace

int64_t CountTiles(int64_t rows, int64_t experts) { return CeilDiv(rows, int64_t{kTileRows}) + experts; }

void ListTiles(cudaStream_t stream, const ExpertRange& range, int64_t rows, RowTile* tiles) {
  ListTilesKernel<<<1, kThreads, 0, stream>>>(range, CountTiles(rows, range.count), tiles);
  CheckLaunch("ListTiles");
}

void ClearUnrouted(cudaStream_t stream, const GroupedLinearBackwardWeightArgs& a) {
  HLM_CHECK(a.range.count <= 65535, "matrices of ", a.range.count, " experts");
  const int64_t blocks = std::min(kClearBlocks, CeilDiv(a.in * a.out, int64_t{kClearThreads}));
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(a.range.count));
  ClearUnroutedKernel<<<grid, kClearThreads, 0, stream>>>(a);
  CheckLaunch("ClearUnrouted");
}

void GroupedColumnSums(cudaStream_t stream, const GroupedLinearBackwardWeightArgs& a) {
  HLM_CHECK(a.range.count <= 65535, "biases of ", a.range.count, " experts");
  const dim3 grid(GridSize(CeilDiv(a.out, int64_t{kWarp})), static_cast<unsigned>(a.range.count)), block(kWarp, kSumRows);
  if (a.type == DType::kF32) {
    GroupedColumnSumsKernel<<<grid, block, 0, stream>>>(static_cast<const float*>(a.dy), a.out, a.range, a.dbias, a.dbias_stride,
                                                        a.accumulate);
  } else {
    GroupedColumnSumsKernel<<<grid, block, 0, stream>>>(static_cast<const bf16*>(a.dy), a.out, a.range, a.dbias, a.dbias_stride,
                                                        a.accumulate);
  }
  CheckLaunch("GroupedColumnSums");
}

}  // namespace hlm::cuda
