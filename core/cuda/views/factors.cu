#include "core/cuda/factors.h"

#include "core/cuda/check.h"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

__device__ float SigmoidOf(float x) { return 1.0f / (1.0f + expf(-x)); }

// A warp has a head of a token.
template <class T>
__global__ void __launch_bounds__(kThreads) GateHeadsKernel(const T* x, const T* gates, int64_t heads, int64_t width, T* y) {
  const int64_t head = int64_t{blockIdx.x} * kWarps + threadIdx.y;
  if (head >= heads) return;  // a whole warp
  const float gate = SigmoidOf(static_cast<float>(gates[head]));
  for (int64_t i = head * width + threadIdx.x; i < (head + 1) * width; i += kWarp) {
    y[i] = static_cast<T>(gate * static_cast<float>(x[i]));
  }
}

// dx may be x or dy, dgates may be gates: a lane reads what it writes, and the warp's lanes have the gate before they meet.
template <class T>
__global__ void __launch_bounds__(kThreads)
    GateHeadsBackwardKernel(const T* x, const T* gates, const T* dy, int64_t heads, int64_t width, T* dx, T* dgates) {
  const int64_t head = int64_t{blockIdx.x} * kWarps + threadIdx.y;
  if (head >= heads) return;  // a whole warp
  const float gate = SigmoidOf(static_cast<float>(gates[head]));
  float part = 0;
  for (int64_t i = head * width + threadIdx.x; i < (head + 1) * width; i += kWarp) {
    const float d = static_cast<float>(dy[i]);
    part += d * static_cast<float>(x[i]);
    dx[i] = static_cast<T>(gate * d);
  }
  const float dot = WarpSum(part);
  if (threadIdx.x == 0) dgates[head] = static_cast<T>(dot * gate * (1 - gate));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    ScaleChoicesKernel(const int32_t* choice, const T* scales, const float* x, int64_t pairs, float* y) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < pairs) y[i] = static_cast<float>(scales[choice[i]]) * x[i];
}

// A block has an expert: its threads take turns with the pairs, and their sums are added up in order.
__global__ void __launch_bounds__(kThreads)
    SumScalesKernel(const int32_t* choice, const float* x, const float* dy, int64_t pairs, bool accumulate, float* dscales) {
  __shared__ double parts[kThreads];
  const int expert = static_cast<int>(blockIdx.x);
  double part = 0;
  for (int64_t i = threadIdx.x; i < pairs; i += kThreads) {
    if (choice[i] == expert) part += static_cast<double>(dy[i]) * static_cast<double>(x[i]);
  }
  parts[threadIdx.x] = part;
  __syncthreads();
  if (threadIdx.x != 0) return;
  double sum = 0;
  for (int t = 0; t < kThreads; ++t) sum += parts[t];
  dscales[expert] = static_cast<float>(accumulate ? static_cast<double>(dscales[expert]) + sum : sum);
}

unsigned HeadGrid(int64_t heads) { return GridSize(CeilDiv(heads, int64_t{kWarps})); }
dim3 HeadBlock() { return {kWarp, kWarps, 1}; }

}  // namespace

void GateHeads(cudaStream_t stream, const GateHeadsArgs& a) {
  const int64_t heads = a.tokens * a.heads;
  ForType(a.type, [&]<class T>() {
    GateHeadsKernel<<<HeadGrid(heads), HeadBlock(), 0, stream>>>(static_cast<const T*>(a.x), static_cast<const T*>(a.gate), heads,
                                                                 a.width, static_cast<T*>(a.y));
  });
  CheckLaunch("GateHeads");
}

void GateHeadsBackward(cudaStream_t stream, const GateHeadsBackwardArgs& a) {
  const int64_t heads = a.tokens * a.heads;
  ForType(a.type, [&]<class T>() {
    GateHeadsBackwardKernel<<<HeadGrid(heads), HeadBlock(), 0, stream>>>(
        static_cast<const T*>(a.x), static_cast<const T*>(a.gate), static_cast<const T*>(a.dy), heads, a.width,
        static_cast<T*>(a.dx), static_cast<T*>(a.dgate));
  });
  CheckLaunch("GateHeadsBackward");
}

namespace {

void Scale(cudaStream_t stream, DType type, const int32_t* choice, const void* scales, const float* x, int64_t pairs, float* y) {
  ForType(type, [&]<class T>() {
    ScaleChoicesKernel<<<GridSize(CeilDiv(pairs, int64_t{kThreads})), kThreads, 0, stream>>>(
        choice, static_cast<const T*>(scales), x, pairs, y);
  });
}

}  // namespace

void ScaleChoices(cudaStream_t stream, const ScaleChoicesArgs& a) {
  Scale(stream, a.type, a.choice, a.scales, a.x, a.tokens * a.chosen, a.y);
  CheckLaunch("ScaleChoices");
}

// The sums first: dx may be dy.
void ScaleChoicesBackward(cudaStream_t stream, const ScaleChoicesBackwardArgs& a) {
  const int64_t pairs = a.tokens * a.chosen;
  SumScalesKernel<<<GridSize(a.experts), kThreads, 0, stream>>>(a.choice, a.x, a.dy, pairs, a.accumulate, a.dscales);
  Scale(stream, a.type, a.choice, a.scales, a.dy, pairs, a.dx);
  CheckLaunch("ScaleChoicesBackward");
}

}  // namespace hlm::cuda
