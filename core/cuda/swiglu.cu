// SwiGLU (Shazeer 2020): y = silu(gate) * up, forward and backward.
#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/span.cuh"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kVecs = 2;  // a thread's, of each operand

// 1 / (1 + exp(-x)): 0 where exp is infinite. In bf16 the fast forms are good to 1e-5 at the ends of their range, a result's
// rounding is 4e-3.
template <class T>
__device__ float Sigmoid(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return 1.0f / (1.0f + expf(-x));
  } else {
    return __fdividef(1.0f, 1.0f + __expf(-x));  // 0 from 2^126 on
  }
}

// Where a vector of a row of [tokens, width] lies, and its two of [tokens, 2 width].
struct Place {
  int64_t single, gate, up;
};

// The block's vectors, of which there are `vecs` in a row, as if rows followed each other without a break.
template <int kN>
struct Places {
  int64_t token;    // of the block's first vector
  unsigned column;  // vectors

  __device__ explicit Places(unsigned vecs) {
    const int64_t first = int64_t{blockIdx.x} * (kThreads * kVecs);
    token = first / vecs;
    column = static_cast<unsigned>(first - token * vecs);
  }
  __device__ Place At(int k, unsigned vecs) const {
    const unsigned at = column + k * kThreads + threadIdx.x, rows = at / vecs;
    const int64_t t = token + rows, c = int64_t{at - rows * vecs} * kN, width = int64_t{vecs} * kN;
    return {t * width + c, t * 2 * width + c, t * 2 * width + width + c};
  }
};

// `range` of n elements in rows of `vecs` vectors.
template <class T>
__global__ void __launch_bounds__(kThreads) SwiGluKernel(const T* gate_up, int64_t n, unsigned vecs, T* y, RowRange range) {
  constexpr int kN = kWide<T>;
  const Places<kN> places(vecs);
  const Span span = SpanOf(range, n, int64_t{vecs} * kN);
  int64_t to[kVecs];
  Vec<T, kN> gates[kVecs], ups[kVecs];
#pragma unroll
  for (int k = 0; k < kVecs; ++k) {
    const Place p = places.At(k, vecs);
    to[k] = p.single;
    if (!span.Has(p.single)) continue;
    gates[k] = LoadReadOnly<kN>(gate_up + p.gate);
    ups[k] = LoadReadOnly<kN>(gate_up + p.up);
  }
#pragma unroll
  for (int k = 0; k < kVecs; ++k) {
    if (!span.Has(to[k])) continue;
    float g[kN], u[kN];
    ToFloats(gates[k], g);
    ToFloats(ups[k], u);
#pragma unroll
    for (int i = 0; i < kN; ++i) u[i] *= g[i] * Sigmoid<T>(g[i]);
    Store(y + to[k], FromFloats<T>(u));
  }
}

// dgate_up may be gate_up: a thread reads all of its vectors before it writes one.
template <class T>
__global__ void __launch_bounds__(kThreads)
    SwiGluBackwardKernel(const T* gate_up, const T* dy, int64_t n, unsigned vecs, T* dgate_up, RowRange range) {
  constexpr int kN = kWide<T>;
  const Places<kN> places(vecs);
  const Span span = SpanOf(range, n, int64_t{vecs} * kN);
  Place at[kVecs];
  Vec<T, kN> gates[kVecs], ups[kVecs], dys[kVecs];
#pragma unroll
  for (int k = 0; k < kVecs; ++k) {
    at[k] = places.At(k, vecs);
    if (!span.Has(at[k].single)) continue;
    gates[k] = Load<kN>(gate_up + at[k].gate);
    ups[k] = Load<kN>(gate_up + at[k].up);
    dys[k] = LoadOnce<kN>(dy + at[k].single);
  }
#pragma unroll
  for (int k = 0; k < kVecs; ++k) {
    if (!span.Has(at[k].single)) continue;
    float g[kN], u[kN], d[kN];
    ToFloats(gates[k], g);
    ToFloats(ups[k], u);
    ToFloats(dys[k], d);
#pragma unroll
    for (int i = 0; i < kN; ++i) {
      const float s = Sigmoid<T>(g[i]), slope = s * (1.0f + g[i] * (1.0f - s));  // of silu
      u[i] = d[i] * u[i] * slope;
      d[i] = d[i] * (g[i] * s);
    }
    Store(dgate_up + at[k].gate, FromFloats<T>(u));
    Store(dgate_up + at[k].up, FromFloats<T>(d));
  }
}

template <class T>
unsigned Grid(int64_t n) {
  return GridSize(CeilDiv(n, int64_t{kWide<T>} * kThreads * kVecs));
}

template <class T>
void Forward(cudaStream_t stream, const SwiGluArgs& args) {
  const int64_t n = args.tokens * args.width;
  SwiGluKernel<<<Grid<T>(n), kThreads, 0, stream>>>(
      static_cast<const T*>(args.gate_up), n, static_cast<unsigned>(args.width / kWide<T>), static_cast<T*>(args.y), args.range);
  CheckLaunch("SwiGlu");
}

template <class T>
void Backward(cudaStream_t stream, const SwiGluBackwardArgs& args) {
  const int64_t n = args.tokens * args.width;
  SwiGluBackwardKernel<<<Grid<T>(n), kThreads, 0, stream>>>(static_cast<const T*>(args.gate_up), static_cast<const T*>(args.dy),
                                                            n, static_cast<unsigned>(args.width / kWide<T>),
                                                            static_cast<T*>(args.dgate_up), args.range);
  CheckLaunch("SwiGluBackward");
}

}  // namespace

void SwiGlu(cudaStream_t stream, const SwiGluArgs& args) {
  args.type == DType::kF32 ? Forward<float>(stream, args) : Forward<bf16>(stream, args);
}

void SwiGluBackward(cudaStream_t stream, const SwiGluBackwardArgs& args) {
  args.type == DType::kF32 ? Backward<float>(stream, args) : Backward<bf16>(stream, args);
}

}  // namespace hlm::cuda
