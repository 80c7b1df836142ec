// What a router's choices come to over all tokens: how many pairs an expert has, its probabilities' sum, the squares of log sums.
//
// Tokens are cut into chunks; each chunk's sums are written down in double and added up in order.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/experts/experts.h"
#include "core/cuda/experts/scores.cuh"
#include "core/cuda/partial_sums.h"
#include "core/cuda/views/pieces.cuh"

namespace hlm::cuda {
namespace {

constexpr int kRows = 8;  // warps of a block: they share a tile of kWarp experts and take turns with the tokens
constexpr int64_t kMostChunks = 256, kLeastTokens = 64;

struct LoadScratch {
  float* log_sums;                  // [tokens]
  double *probabilities, *squares;  // [chunks, experts], [chunks]
  int* counts;                      // [chunks, experts]
  size_t bytes;
};
LoadScratch ScratchOf(const RouteLoadArgs& a, void* data) {
  const int64_t chunks = std::min(kMostChunks, CeilDiv(a.tokens, kLeastTokens));  // at least as many as CutRows cuts
  Pieces pieces(data);
  LoadScratch s{};
  s.log_sums = pieces.Take<float>(a.tokens);
  s.probabilities = pieces.Take<double>(chunks * a.experts);
  s.squares = pieces.Take<double>(chunks);
  s.counts = pieces.Take<int>(chunks * a.experts);
  s.bytes = pieces.taken();
  return s;
}

__global__ void __launch_bounds__(kWarp* kRows) LogSumsKernel(const float* logits, int64_t tokens, int experts, float* log_sums) {
  const int64_t token = int64_t{blockIdx.x} * kRows + threadIdx.y;
  if (token >= tokens) return;  // a whole warp
  const float* z = logits + token * experts;
  const WarpSoftmax softmax(experts, [&](int e) { return z[e]; });
  if (threadIdx.x == 0) log_sums[token] = softmax.LogSum();
}

// Block (chunk, tile of experts).
__global__ void __launch_bounds__(kWarp* kRows) LoadChunksKernel(const float* logits, const int32_t* choice, int64_t tokens,
                                                                 int experts, int chosen, int64_t chunk_tokens, LoadScratch s) {
  __shared__ double sums[kRows][kWarp], of_squares[kRows][kWarp];
  __shared__ int counts[kWarp];
  const int lane = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
  const int first = static_cast<int>(blockIdx.y) * kWarp, expert = first + lane;
  const int64_t begin = blockIdx.x * chunk_tokens, end = min(tokens, begin + chunk_tokens);
  if (row == 0) counts[lane] = 0;
  double sum = 0, square = 0;
  for (int64_t t = begin + row; t < end; t += kRows) {
    const float log_sum = s.log_sums[t];
    if (expert < experts) sum += static_cast<double>(expf(logits[t * experts + expert] - log_sum));
    square += static_cast<double>(log_sum) * static_cast<double>(log_sum);
  }
  sums[row][lane] = sum;
  of_squares[row][lane] = square;
  __syncthreads();
  // Integers: the same sum in any order.
  for (int64_t i = begin * chosen + row * kWarp + lane; i < end * chosen; i += kWarp * kRows) {
    const int at = choice[i] - first;
    if (at >= 0 && at < kWarp) atomicAdd(&counts[at], 1);
  }
  __syncthreads();
  if (row != 0) return;
  double total = 0, squares = 0;
  for (int r = 0; r < kRows; ++r) {
    total += sums[r][lane];
    squares += of_squares[r][lane];
  }
  const int64_t at = int64_t{blockIdx.x} * experts + expert;
  if (expert < experts) {
    s.probabilities[at] = total;
    s.counts[at] = counts[lane];
  }
  if (blockIdx.y == 0 && lane == 0) s.squares[blockIdx.x] = squares;
}

__device__ void Put(double value, bool accumulate, float* to) {
  *to = static_cast<float>(accumulate ? static_cast<double>(*to) + value : value);
}

// A thread has an expert; the first one the squares too.
__global__ void __launch_bounds__(kWarp) AddLoadsKernel(LoadScratch s, int64_t chunks, int experts, bool accumulate,
                                                        float* counts, float* probabilities, float* squares) {
  const int expert = static_cast<int>(blockIdx.x) * kWarp + static_cast<int>(threadIdx.x);
  if (expert < experts) {
    double probability = 0;
    int64_t count = 0;
    for (int64_t c = 0; c < chunks; ++c) {
      probability += s.probabilities[c * experts + expert];
      count += s.counts[c * experts + expert];
    }
    Put(probability, accumulate, probabilities + expert);
    Put(static_cast<double>(count), accumulate, counts + expert);
  }
  if (expert != 0) return;
  double sum = 0;
  for (int64_t c = 0; c < chunks; ++c) sum += s.squares[c];
  Put(sum, accumulate, squares);
}

}  // namespace

size_t RouteLoadBytes(const RouteLoadArgs& a) { return ScratchOf(a, nullptr).bytes; }

void RouteLoad(cudaStream_t stream, const RouteLoadArgs& a, void* scratch) {
  HLM_CHECK(a.experts <= kMostExperts, "a router of ", a.experts, " experts");
  const LoadScratch s = ScratchOf(a, scratch);
  const RowChunks chunks = CutRows(a.tokens, kMostChunks, kLeastTokens);
  const auto experts = static_cast<int>(a.experts), tiles = static_cast<int>(CeilDiv(a.experts, int64_t{kWarp}));
  const dim3 block(kWarp, kRows);
  LogSumsKernel<<<GridSize(CeilDiv(a.tokens, int64_t{kRows})), block, 0, stream>>>(a.logits, a.tokens, experts, s.log_sums);
  LoadChunksKernel<<<dim3(GridSize(chunks.count), static_cast<unsigned>(tiles)), block, 0, stream>>>(
      a.logits, a.choice, a.tokens, experts, static_cast<int>(a.chosen), chunks.rows, s);
  AddLoadsKernel<<<static_cast<unsigned>(tiles), kWarp, 0, stream>>>(s, chunks.count, experts, a.accumulate, a.counts,
                                                                     a.probabilities, a.squares);
  CheckLaunch("RouteLoad");
}

}  // namespace hlm::cuda
