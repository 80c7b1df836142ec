// The stable order of (token, choice) pairs by expert: counts of segments of pairs, their sums before each segment, places.
//
// A warp has a segment: it counts its experts, and later hands out places in order, 32 pairs at a time. Only integers are added,
// so the order in which that happens has no say.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/experts/block_sums.cuh"
#include "core/cuda/experts/experts.h"
#include "core/cuda/vec.cuh"
#include "core/cuda/views/pieces.cuh"

namespace hlm::cuda {
namespace {

constexpr int64_t kLeastPairs = 256, kMostSegments = 1024;
constexpr size_t kSharedBytes = 48 << 10;
constexpr int kMostWarps = 8;
constexpr int kScanWarps = 8;
constexpr int kOffsetThreads = 1024;
static_assert(kMostExperts * sizeof(int) <= kSharedBytes);

struct Segments {
  int64_t pairs, each, count;
  int experts;
  int* before;  // [experts, count]: of the expert's pairs in a segment, then before it
  int* totals;  // [experts]
};

Segments SegmentsOf(const SortChoicesArgs& a, void* scratch) {
  Segments s{};
  s.pairs = a.tokens * a.chosen;
  s.each = std::max(kLeastPairs, RoundUp(CeilDiv(s.pairs, kMostSegments), kWarp));
  s.count = CeilDiv(s.pairs, s.each);
  s.experts = static_cast<int>(a.experts);
  Pieces pieces(scratch);
  s.before = pieces.Take<int>(a.experts * std::min(kMostSegments, CeilDiv(s.pairs, kLeastPairs)));
  s.totals = pieces.Take<int>(a.experts);
  return s;
}

__global__ void CountKernel(Segments s, const int32_t* choice) {
  extern __shared__ int shared[];
  const int64_t segment = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (segment >= s.count) return;  // a whole warp
  int* counts = shared + threadIdx.y * static_cast<unsigned>(s.experts);
  for (int e = static_cast<int>(threadIdx.x); e < s.experts; e += kWarp) counts[e] = 0;
  __syncwarp();
  const int64_t end = min(s.pairs, (segment + 1) * s.each);
  for (int64_t i = segment * s.each + threadIdx.x; i < end; i += kWarp) atomicAdd(&counts[choice[i]], 1);
  __syncwarp();
  for (int e = static_cast<int>(threadIdx.x); e < s.experts; e += kWarp) s.before[e * s.count + segment] = counts[e];
}

// Every lane gets the sum of the lanes before it; `total` that of all.
__device__ int SumBefore(int value, int* total) {
  int sum = value;
#pragma unroll
  for (int step = 1; step < kWarp; step *= 2) {
    const int lower = __shfl_up_sync(kAllLanes, sum, static_cast<unsigned>(step));
    if (static_cast<int>(threadIdx.x) >= step) sum += lower;
  }
  *total = __shfl_sync(kAllLanes, sum, kWarp - 1);
  return sum - value;
}

// A warp has an expert.
__global__ void __launch_bounds__(kWarp* kScanWarps) SumSegmentsKernel(Segments s) {
  const int expert = static_cast<int>(blockIdx.x) * kScanWarps + static_cast<int>(threadIdx.y);
  if (expert >= s.experts) return;  // a whole warp
  int* counts = s.before + expert * s.count;
  int sum = 0;
  for (int64_t first = 0; first < s.count; first += kWarp) {
    const int64_t i = first + threadIdx.x;
    int total = 0;
    const int before = SumBefore(i < s.count ? counts[i] : 0, &total);
    if (i < s.count) counts[i] = sum + before;
    sum += total;
  }
  if (threadIdx.x == 0) s.totals[expert] = sum;
}

// One block: offsets[e] is the sum of the totals before e.
__global__ void __launch_bounds__(kOffsetThreads) OffsetsKernel(const int* totals, int experts, int32_t* offsets) {
  __shared__ int sums[kOffsetThreads];
  const int t = static_cast<int>(threadIdx.x), each = (experts + kOffsetThreads - 1) / kOffsetThreads;
  const int begin = min(experts, t * each), end = min(experts, begin + each);
  int own = 0;
  for (int e = begin; e < end; ++e) own += totals[e];
  int at = BlockSumBefore(own, sums);
  for (int e = begin; e < end; ++e) {
    offsets[e] = at;
    at += totals[e];
  }
  if (t == kOffsetThreads - 1) offsets[experts] = sums[t];
}

__global__ void PlaceKernel(Segments s, const int32_t* choice, const int32_t* offsets, int32_t* rows, int32_t* sources) {
  extern __shared__ int shared[];
  const int64_t segment = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (segment >= s.count) return;  // a whole warp
  int* next = shared + threadIdx.y * static_cast<unsigned>(s.experts);
  for (int e = static_cast<int>(threadIdx.x); e < s.experts; e += kWarp) next[e] = offsets[e] + s.before[e * s.count + segment];
  __syncwarp();
  const int64_t end = min(s.pairs, (segment + 1) * s.each);
  for (int64_t first = segment * s.each; first < end; first += kWarp) {
    const int64_t i = first + threadIdx.x;
    const int expert = i < end ? choice[i] : -1;
    const unsigned same = __match_any_sync(kAllLanes, expert);
    const int lower = __popc(same & ((1u << threadIdx.x) - 1));
    int row = 0;
    if (expert >= 0) row = next[expert] + lower;
    __syncwarp();
    if (expert >= 0 && lower == 0) next[expert] += __popc(same);
    __syncwarp();
    if (expert < 0) continue;
    rows[i] = row;
    sources[row] = static_cast<int32_t>(i);
  }
}

}  // namespace

size_t SortChoicesBytes(const SortChoicesArgs& a) {
  const int64_t segments = std::min(kMostSegments, CeilDiv(a.tokens * a.chosen, kLeastPairs));
  Pieces pieces(nullptr);
  pieces.Take<int>(a.experts * segments);
  pieces.Take<int>(a.experts);
  return pieces.taken();
}

void SortChoices(cudaStream_t stream, const SortChoicesArgs& a, void* scratch) {
  HLM_CHECK(a.experts <= kMostExperts, "choices of ", a.experts, " experts");
  const Segments s = SegmentsOf(a, scratch);
  const size_t bytes = static_cast<size_t>(s.experts) * sizeof(int);  // a warp's
  const auto warps = static_cast<unsigned>(std::min<size_t>(kMostWarps, kSharedBytes / bytes));
  const dim3 block(kWarp, warps);
  const unsigned grid = GridSize(CeilDiv(s.count, int64_t{warps}));
  CountKernel<<<grid, block, warps * bytes, stream>>>(s, a.choice);
  SumSegmentsKernel<<<GridSize(CeilDiv(a.experts, int64_t{kScanWarps})), dim3(kWarp, kScanWarps), 0, stream>>>(s);
  OffsetsKernel<<<1, kOffsetThreads, 0, stream>>>(s.totals, s.experts, a.offsets);
  PlaceKernel<<<grid, block, warps * bytes, stream>>>(s, a.choice, a.offsets, a.rows, a.sources);
  CheckLaunch("SortChoices");
}

}  // namespace hlm::cuda
