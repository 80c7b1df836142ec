// Copies between float and bf16.
#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kN = 4;  // elements of a vector: 16 bytes on the wide side, 8 on the other, neighbours in neighbouring threads
// A thread's vectors: as many bytes in flight whichever side is read.
template <class X>
constexpr int kVecs = 16 / static_cast<int>(sizeof(X));

__device__ float Convert(bf16 x, float) { return __bfloat162float(x); }
// Bit for bit as FloatToBf16, which keeps the upper bits of a NaN where the instruction gives one NaN for all.
__device__ bf16 Convert(float x, bf16) {
  if (isnan(x)) return __ushort_as_bfloat16(static_cast<unsigned short>(__float_as_uint(x) >> 16 | 0x40));
  return __float2bfloat16_rn(x);
}

__device__ Vec<float, kN> Convert(const Vec<bf16, kN>& x) {
  float values[kN];
  ToFloats(x, values);
  return FromFloats<float>(values);
}
__device__ Vec<bf16, kN> Convert(const Vec<float, kN>& x) {
  float values[kN];
  ToFloats(x, values);
  Vec<bf16, kN> y = FromFloats<bf16>(values);
#pragma unroll
  for (int i = 0; i < kN; i += 2) {
    if (isnan(values[i])) y.words[i / 2] = (y.words[i / 2] & 0xffff0000u) | (x.words[i] >> 16 | 0x40);
    if (isnan(values[i + 1])) y.words[i / 2] = (y.words[i / 2] & 0xffffu) | ((x.words[i + 1] & 0xffff0000u) | 0x400000u);
  }
  return y;
}

template <class X, class Y>
__global__ void __launch_bounds__(kThreads) CastKernel(const X* x, int64_t n, Y* y) {
  const int64_t first = (int64_t{blockIdx.x} * kThreads * kVecs<X> + threadIdx.x) * kN;
  Vec<X, kN> values[kVecs<X>];
#pragma unroll
  for (int k = 0; k < kVecs<X>; ++k) {
    const int64_t at = first + int64_t{k} * kThreads * kN;
    if (at + kN <= n) values[k] = LoadOnce<kN>(x + at);
  }
#pragma unroll
  for (int k = 0; k < kVecs<X>; ++k) {
    const int64_t at = first + int64_t{k} * kThreads * kN;
    if (at + kN <= n) {
      Store(y + at, Convert(values[k]));
    } else {
      for (int64_t i = at; i < n; ++i) y[i] = Convert(x[i], Y());
    }
  }
}

template <class X, class Y>
void Run(cudaStream_t stream, const CastArgs& args) {
  const unsigned grid = GridSize(CeilDiv(args.n, int64_t{kThreads} * kVecs<X> * kN));
  CastKernel<<<grid, kThreads, 0, stream>>>(static_cast<const X*>(args.x), args.n, static_cast<Y*>(args.y));
  CheckLaunch("Cast");
}

}  // namespace

void Cast(cudaStream_t stream, const CastArgs& args) {
  if (args.x_type == args.y_type) {
    if (args.x == args.y) return;
    Check(cudaMemcpyAsync(args.y, args.x, static_cast<size_t>(args.n) * SizeOf(args.x_type), cudaMemcpyDeviceToDevice, stream),
          "Cast");
  } else if (args.x_type == DType::kF32) {
    Run<float, bf16>(stream, args);
  } else {
    Run<bf16, float>(stream, args);
  }
}

}  // namespace hlm::cuda
