#include "core/cuda/attention_offsets.h"

#include <algorithm>

#include "core/cuda/check.h"

namespace hlm::cuda {
namespace {

constexpr int kBlock = 256;

unsigned Blocks(int64_t n) { return static_cast<unsigned>(std::min<int64_t>((n + kBlock - 1) / kBlock, 8192)); }

__global__ void PackedOffsetsKernel(const int32_t* offsets, int64_t documents, PackedOffsets to) {
  for (int64_t d = blockIdx.x * int64_t{kBlock} + threadIdx.x; d <= documents; d += int64_t{gridDim.x} * kBlock) {
    const int64_t token = offsets[d] - offsets[0];
    if (d < documents) to.lengths[d] = offsets[d + 1] - offsets[d];
    for (int i = 0; i < to.count; ++i) to.to[i][d] = token * to.row[i];
  }
}

// Elements in the order of lse; the strided side is small and stays in the cache.
template <class Move>
__device__ void ForStats(const StatsCopy& copy, const Move& move) {
  for (int64_t i = blockIdx.x * int64_t{kBlock} + threadIdx.x; i < copy.tokens * copy.heads; i += int64_t{gridDim.x} * kBlock) {
    const int64_t token = i / copy.heads, head = i % copy.heads;
    const int64_t stat =
        copy.sequence == 0 ? i : (token / copy.sequence * copy.heads + head) * copy.sequence + token % copy.sequence;
    move(token * copy.all_heads + copy.first_head + head, stat);
  }
}

__global__ void GatherStatsKernel(StatsCopy copy, const float* lse, float* stats) {
  ForStats(copy, [=](int64_t from, int64_t to) { stats[to] = lse[from]; });
}
__global__ void ScatterStatsKernel(StatsCopy copy, const float* stats, float* lse) {
  ForStats(copy, [=](int64_t to, int64_t from) { lse[to] = stats[from]; });
}

}  // namespace

void FillPackedOffsets(cudaStream_t stream, const int32_t* offsets, int64_t documents, const PackedOffsets& to) {
  PackedOffsetsKernel<<<Blocks(documents + 1), kBlock, 0, stream>>>(offsets, documents, to);
  CheckLaunch("FillPackedOffsets");
}

void GatherStats(cudaStream_t stream, const StatsCopy& copy, const float* lse, float* stats) {
  GatherStatsKernel<<<Blocks(copy.tokens * copy.heads), kBlock, 0, stream>>>(copy, lse, stats);
  CheckLaunch("GatherStats");
}

void ScatterStats(cudaStream_t stream, const StatsCopy& copy, const float* stats, float* lse) {
  ScatterStatsKernel<<<Blocks(copy.tokens * copy.heads), kBlock, 0, stream>>>(copy, stats, lse);
  CheckLaunch("ScatterStats");
}

}  // namespace hlm::cuda
