// Sinks beside an attention that knows nothing of them. A sink is a key with the score sinks[h] and a value of zeros: it takes
// the share exp(sink - lse) of every row's softmax. So with lse of the keys alone
//   out' = out / (1 + exp(sink - lse)),  lse' = lse + log(1 + exp(sink - lse)),
// and a backward pass that is given out' and lse' has the gradients of queries, keys and values right; the sink's own is
//   dsink = -sum over tokens of exp(sink - lse') (dout . out').
#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/views/lines.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int64_t kMostChunks = 64;  // that the sum over tokens is made of

// A warp has a token's head.
__global__ void __launch_bounds__(kThreads)
    ApplySinksKernel(Lines<bf16> out, const bf16* sinks, int64_t lines, int64_t heads, int64_t width, float* lse) {
  const int64_t line = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  if (line >= lines) return;
  const int64_t head = line % heads;
  const float before = lse[line], sink = static_cast<float>(sinks[head]);
  const float keep = 1 / (1 + expf(sink - before));
  bf16* to = out.at(line / heads, head);
  for (int64_t c = threadIdx.x % kWarp; c < width; c += kWarp) to[c] = static_cast<bf16>(static_cast<float>(to[c]) * keep);
  __syncwarp();  // all lanes have read lse
  const float most = fmaxf(before, sink);
  if (threadIdx.x % kWarp == 0) lse[line] = most + logf(expf(before - most) + expf(sink - most));
}

// partials [chunks, heads]. Block (chunk of tokens, head): its warps take turns with the tokens.
template <class T>
__global__ void __launch_bounds__(kThreads)
    SinkGradientKernel(Lines<const T> out, Lines<const T> dout, const T* sinks, const float* lse, int64_t tokens, int64_t heads,
                       int64_t width, int64_t chunk, float* partials) {
  __shared__ float sums[kWarps];
  const int64_t head = blockIdx.y, begin = blockIdx.x * chunk, end = min(tokens, begin + chunk);
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  const float sink = static_cast<float>(sinks[head]);
  float sum = 0;
  for (int64_t t = begin + warp; t < end; t += kWarps) {
    float dot = 0;
    for (int64_t c = lane; c < width; c += kWarp)
      dot += static_cast<float>(out.at(t, head)[c]) * static_cast<float>(dout.at(t, head)[c]);
    sum -= expf(sink - lse[t * heads + head]) * WarpSum(dot);
  }
  if (lane == 0) sums[warp] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  float total = 0;
  for (int w = 0; w < kWarps; ++w) total += sums[w];
  partials[blockIdx.x * heads + head] = total;
}

template <class T>
void RunSinkGradients(cudaStream_t stream, const ViewAttentionBackwardArgs& a, float* partials) {
  const RowChunks chunks = CutRows(a.tokens, kMostChunks, kWarps);
  HLM_CHECK(a.heads <= 65535, "sinks of ", a.heads, " heads");
  const dim3 grid(GridSize(chunks.count), static_cast<unsigned>(a.heads));
  SinkGradientKernel<<<grid, kThreads, 0, stream>>>(Lines<const T>(a.out, a.heads, a.value_dim),
                                                    Lines<const T>(a.dout, a.heads, a.value_dim), static_cast<const T*>(a.sinks),
                                                    a.lse, a.tokens, a.heads, a.value_dim, chunks.rows, partials);
  CheckLaunch("SinkGradients");
  AddPartialSums(stream, {partials, chunks.count, a.heads, a.accumulate, a.dsinks, nullptr, a.heads});
}

}  // namespace

void ApplySinks(cudaStream_t stream, const ViewAttentionArgs& a) {
  HLM_CHECK(a.type == DType::kBF16, "sinks behind an attention in ", Name(a.type));
  const int64_t lines = a.tokens * a.heads;
  ApplySinksKernel<<<GridSize(CeilDiv(lines, kWarps)), kThreads, 0, stream>>>(
      Lines<bf16>(a.out, a.heads, a.value_dim), static_cast<const bf16*>(a.sinks), lines, a.heads, a.value_dim, a.lse);
  CheckLaunch("ApplySinks");
}

size_t SinkGradientBytes(int64_t heads) { return static_cast<size_t>(kMostChunks * heads) * sizeof(float); }

void SinkGradients(cudaStream_t stream, const ViewAttentionBackwardArgs& a, void* scratch) {
  auto* partials = static_cast<float*>(scratch);
  a.type == DType::kF32 ? RunSinkGradients<float>(stream, a, partials) : RunSinkGradients<bf16>(stream, a, partials);
}

}  // namespace hlm::cuda
