// The rotary embedding on views, and the sum over heads. A block has a token; its threads take turns with pairs and elements.
#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/views/lines.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 256;

struct Turn {
  int heads, dim, rotary_dim;
  bool interleaved, back;
};

// Both of a pair's elements, or one that passes through, are read before they are written: y may lie where x lies.
template <class T>
__global__ void __launch_bounds__(kThreads)
    RotaryKernel(Turn turn, Lines<const T> x, const int32_t* positions, const float* table, const float* scales, Lines<T> y) {
  const int64_t token = blockIdx.x, position = positions[token];
  const int half = turn.rotary_dim / 2, units = turn.dim - half;  // of a head: pairs, then the others
  const float* cosines = table + position * turn.rotary_dim;
  const float scale = scales == nullptr ? 1.0f : scales[position];
  for (int i = static_cast<int>(threadIdx.x); i < turn.heads * units; i += kThreads) {
    const int head = i / units, unit = i % units;
    const T* from = x.at(token, head);
    T* to = y.at(token, head);
    if (unit >= half) {
      const int at = unit + half;
      to[at] = static_cast<T>(static_cast<float>(from[at]) * scale);
      continue;
    }
    const int first = turn.interleaved ? 2 * unit : unit, second = turn.interleaved ? 2 * unit + 1 : half + unit;
    const float a = static_cast<float>(from[first]), b = static_cast<float>(from[second]);
    const float c = __ldg(cosines + unit), s = turn.back ? -__ldg(cosines + half + unit) : __ldg(cosines + half + unit);
    to[first] = static_cast<T>((a * c - b * s) * scale);
    to[second] = static_cast<T>((b * c + a * s) * scale);
  }
}

// The same in vectors of kN elements, where the rotated part, its half (or, interleaved, the part itself) and the rest are whole
// vectors. Each result is made of the same two products and one sum.
template <class T, int kN, bool kInterleaved>
__global__ void __launch_bounds__(kThreads) RotaryVectorKernel(Turn turn, Lines<const T> x, const int32_t* positions,
                                                               const float* table, const float* scales, Lines<T> y) {
  const int64_t token = blockIdx.x, position = positions[token];
  const int half = turn.rotary_dim / 2, turned = (kInterleaved ? turn.rotary_dim : half) / kN;
  const int units = turned + (turn.dim - turn.rotary_dim) / kN;
  const float* cosines = table + position * turn.rotary_dim;
  const float scale = scales == nullptr ? 1.0f : scales[position], sign = turn.back ? -1.0f : 1.0f;
  for (int i = static_cast<int>(threadIdx.x); i < turn.heads * units; i += kThreads) {
    const int head = i / units, unit = i % units;
    const T* from = x.at(token, head);
    T* to = y.at(token, head);
    float a[kN], b[kN];
    if (unit >= turned) {
      const int at = turn.rotary_dim + (unit - turned) * kN;
      ReadFloats<kN>(from + at, a);
#pragma unroll
      for (int k = 0; k < kN; ++k) a[k] *= scale;
      WriteFloats<kN>(to + at, a);
    } else if constexpr (kInterleaved) {
      const int at = unit * kN;
      ReadFloats<kN>(from + at, a);
#pragma unroll
      for (int k = 0; k < kN; k += 2) {
        const float c = __ldg(cosines + at / 2 + k / 2), s = sign * __ldg(cosines + half + at / 2 + k / 2);
        const float p = a[k], q = a[k + 1];
        a[k] = (p * c - q * s) * scale;
        a[k + 1] = (q * c + p * s) * scale;
      }
      WriteFloats<kN>(to + at, a);
    } else {
      const int at = unit * kN;
      ReadFloats<kN>(from + at, a);
      ReadFloats<kN>(from + half + at, b);
#pragma unroll
      for (int k = 0; k < kN; ++k) {
        const float c = __ldg(cosines + at + k), s = sign * __ldg(cosines + half + at + k), p = a[k], q = b[k];
        a[k] = (p * c - q * s) * scale;
        b[k] = (q * c + p * s) * scale;
      }
      WriteFloats<kN>(to + at, a);
      WriteFloats<kN>(to + half + at, b);
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) SumHeadsKernel(Lines<const T> x, int heads, int64_t width, Lines<T> y) {
  const int64_t token = blockIdx.x;
  for (int64_t c = threadIdx.x; c < width; c += kThreads) {
    float sum = 0;
    for (int h = 0; h < heads; ++h) sum += static_cast<float>(x.at(token, h)[c]);
    y.at(token, 0)[c] = static_cast<T>(sum);
  }
}

}  // namespace

void Rotary(cudaStream_t stream, const RotaryArgs& a) {
  HLM_CHECK(a.heads * a.head_dim <= INT_MAX, "Rotary of ", a.heads, " heads");
  const Turn turn{static_cast<int>(a.heads), static_cast<int>(a.head_dim), static_cast<int>(a.rotary_dim), a.interleaved, a.back};
  const int64_t turned = a.interleaved ? a.rotary_dim : a.rotary_dim / 2, rest = a.head_dim - a.rotary_dim;
  const auto fits = [&]<class T>(int n) {
    return turned % n == 0 && rest % n == 0 && Lines<const T>(a.x, a.heads, a.head_dim).InStepsOf(n) &&
           Lines<T>(a.y, a.heads, a.head_dim).InStepsOf(n);
  };
  ForVectors(a.type, a.head_dim, fits, [&]<class T, int kN>() {
    const auto run = [&](auto kernel) {
      kernel<<<GridSize(a.tokens), kThreads, 0, stream>>>(turn, Lines<const T>(a.x, a.heads, a.head_dim), a.positions, a.table,
                                                          a.scales, Lines<T>(a.y, a.heads, a.head_dim));
    };
    if constexpr (kN == 1) {
      run(RotaryKernel<T>);
    } else if (a.interleaved) {
      run(RotaryVectorKernel<T, kN, true>);
    } else {
      run(RotaryVectorKernel<T, kN, false>);
    }
  });
  CheckLaunch("Rotary");
}

void SumHeads(cudaStream_t stream, const SumHeadsArgs& a) {
  ForType(a.type, [&]<class T>() {
    SumHeadsKernel<T><<<GridSize(a.tokens), kThreads, 0, stream>>>(Lines<const T>(a.x, a.heads, a.width),
                                                                   static_cast<int>(a.heads), a.width, Lines<T>(a.y, 1, a.width));
  });
  CheckLaunch("SumHeads");
}

}  // namespace hlm::cuda
