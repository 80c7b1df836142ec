// Causal convolutions of channels, forward and backward. A thread has kN channels of a section of tokens and goes from token to
// token with the last kTaps of them in registers; weights that a convolution lacks are zeros. Backward it sees the tokens behind
// its section too, as far as the convolution reaches; sums of weight gradients are written down section by section.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/views/lines.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kChannels = 4;  // of a thread, where everything lies for it
constexpr int64_t kForwardRows = 64;
constexpr int64_t kLeastRows = 64, kMostSections = 128;  // backward

template <class T>
struct ConvPlaces {
  Lines<const T> x, before, after;
  const int* positions;
  const T *w, *bias;
  int64_t tokens, rows;  // rows: tokens of a section
  int channels, taps;
};

template <class T, int kN, int kTaps>
struct ConvInput {
  float w[kTaps][kN], bias[kN], u[kTaps][kN];  // by distance from the newest token

  __device__ ConvInput(const ConvPlaces<T>& p, int c) {
#pragma unroll
    for (int k = 0; k < kN; ++k) {
#pragma unroll
      for (int back = 0; back < kTaps; ++back) {
        w[back][k] = back < p.taps ? static_cast<float>(p.w[int64_t{c + k} * p.taps + p.taps - 1 - back]) : 0.0f;
        u[back][k] = 0;
      }
      bias[k] = p.bias == nullptr ? 0.0f : static_cast<float>(p.bias[c + k]);
    }
  }
  __device__ void Take(const ConvPlaces<T>& p, int64_t t, int c) {
#pragma unroll
    for (int back = kTaps - 1; back > 0; --back) {
#pragma unroll
      for (int k = 0; k < kN; ++k) u[back][k] = u[back - 1][k];
    }
    ReadFloats<kN>(p.x.at(t, 0) + c, u[0]);
    if (p.before.data == nullptr) return;
    float gate[kN];
    ReadFloats<kN>(p.before.at(t, 0) + c, gate);
#pragma unroll
    for (int k = 0; k < kN; ++k) u[0][k] *= gate[k];
  }
  __device__ void Convolve(int reach, float (&z)[kN]) const {
#pragma unroll
    for (int k = 0; k < kN; ++k) z[k] = bias[k];
#pragma unroll
    for (int back = kTaps - 1; back >= 0; --back) {
      if (back > reach) continue;
#pragma unroll
      for (int k = 0; k < kN; ++k) z[k] += w[back][k] * u[back][k];
    }
  }
};

template <class T>
__device__ int Reach(const ConvPlaces<T>& p, int64_t t) {
  return min(p.taps - 1, p.positions[t]);
}

__device__ float Sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

template <class T, int kN, int kTaps>
__global__ void __launch_bounds__(kThreads) ConvKernel(ConvPlaces<T> p, bool silu, Lines<T> y) {
  const int c = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) * kN;
  if (c >= p.channels) return;
  const int64_t begin = blockIdx.y * p.rows, end = min(p.tokens, begin + p.rows);
  ConvInput<T, kN, kTaps> input(p, c);
  for (int64_t t = begin - Reach(p, begin); t < end; ++t) {
    input.Take(p, t, c);
    if (t < begin) continue;
    float z[kN];
    input.Convolve(Reach(p, t), z);
    float gate[kN];
    if (p.after.data != nullptr) ReadFloats<kN>(p.after.at(t, 0) + c, gate);
#pragma unroll
    for (int k = 0; k < kN; ++k) {
      if (silu) z[k] *= Sigmoid(z[k]);
      if (p.after.data != nullptr) z[k] *= gate[k];
    }
    WriteFloats<kN>(y.at(t, 0) + c, z);
  }
}

template <class T>
struct ConvGradients {
  Lines<const T> dy;
  Lines<T> dx, dbefore, dafter;
  float* sums;  // [sections, channels, taps] and [channels] behind each section's: of w, of the bias
  int64_t each;
};

template <class T, int kN, int kTaps>
__global__ void __launch_bounds__(kThreads) ConvBackwardKernel(ConvPlaces<T> p, bool silu, ConvGradients<T> g) {
  const int c = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) * kN;
  if (c >= p.channels) return;
  const int64_t begin = blockIdx.y * p.rows, end = min(p.tokens, begin + p.rows);
  const int last = p.taps - 1;
  ConvInput<T, kN, kTaps> input(p, c);
  float du[kTaps][kN] = {}, dw[kTaps][kN] = {}, dbias[kN] = {};
  for (int64_t t = begin - Reach(p, begin); t < end + last; ++t) {
#pragma unroll
    for (int back = kTaps - 1; back >= 0; --back) {
#pragma unroll
      for (int k = 0; k < kN; ++k) du[back][k] = back > 0 ? du[max(back - 1, 0)][k] : 0.0f;
    }
    // Tokens behind the section count for its du alone: those of the same document.
    if (t < p.tokens && (t < end || p.positions[t] >= t - end + 1)) {
      input.Take(p, t, c);
      if (t >= begin) {
        const bool own = t < end;
        const int reach = Reach(p, t);
        float z[kN], dz[kN], gate[kN], f[kN];
        input.Convolve(reach, z);
        ReadFloats<kN>(g.dy.at(t, 0) + c, dz);
        if (p.after.data != nullptr) ReadFloats<kN>(p.after.at(t, 0) + c, gate);
#pragma unroll
        for (int k = 0; k < kN; ++k) {
          const float s = silu ? Sigmoid(z[k]) : 1.0f;
          f[k] = dz[k] * z[k] * s;
          if (p.after.data != nullptr) dz[k] *= gate[k];
          if (silu) dz[k] *= s * (1 + z[k] * (1 - s));
          if (own) dbias[k] += dz[k];
        }
        if ((p.after.data != nullptr) && own) WriteFloats<kN>(g.dafter.at(t, 0) + c, f);
#pragma unroll
        for (int back = 0; back < kTaps; ++back) {
          if (back > reach) continue;
#pragma unroll
          for (int k = 0; k < kN; ++k) {
            if (own) dw[back][k] += dz[k] * input.u[back][k];
            du[back][k] += dz[k] * input.w[back][k];
          }
        }
      }
    }
    const int64_t done = t - last;  // nobody adds to its du any more
    if (done < begin || done >= end) continue;
    float to[kN];
#pragma unroll
    for (int back = 0; back < kTaps; ++back) {
      if (back != last) continue;
#pragma unroll
      for (int k = 0; k < kN; ++k) to[k] = du[back][k];
    }
    if (p.before.data != nullptr) {
      float x[kN], gate[kN];
      ReadFloats<kN>(p.x.at(done, 0) + c, x);
      ReadFloats<kN>(p.before.at(done, 0) + c, gate);
#pragma unroll
      for (int k = 0; k < kN; ++k) {
        x[k] *= to[k];
        to[k] *= gate[k];
      }
      WriteFloats<kN>(g.dbefore.at(done, 0) + c, x);
    }
    WriteFloats<kN>(g.dx.at(done, 0) + c, to);
  }
  float* sums = g.sums + blockIdx.y * g.each;
#pragma unroll
  for (int k = 0; k < kN; ++k) {
#pragma unroll
    for (int back = 0; back < kTaps; ++back) {
      if (back < p.taps) sums[int64_t{c + k} * p.taps + last - back] = dw[back][k];
    }
    if (p.bias != nullptr) sums[int64_t{p.channels} * p.taps + c + k] = dbias[k];
  }
}

template <class T>
ConvPlaces<T> PlacesOf(const auto& a, int64_t rows) {
  HLM_CHECK(a.channels <= INT_MAX / 64, "a convolution of ", a.channels, " channels");
  const auto lines = [&](const View& view) { return Lines<const T>(view, 1, a.channels); };
  return {lines(a.x),
          lines(a.before),
          lines(a.after),
          a.positions,
          static_cast<const T*>(a.w),
          static_cast<const T*>(a.bias),
          a.tokens,
          rows,
          static_cast<int>(a.channels),
          static_cast<int>(a.taps)};
}

template <class T>
bool InSteps(const auto& a, std::initializer_list<View> views) {
  if (a.channels % kChannels != 0) return false;
  return std::all_of(views.begin(), views.end(),
                     [&](const View& view) { return Lines<const T>(view, 1, a.channels).InStepsOf(kChannels); });
}

// launch.template operator()<T, kN, kTaps>(). Few convolutions reach beyond four tokens: those take what there is.
template <class Launch>
void ForShape(const auto& a, std::initializer_list<View> views, const Launch& launch) {
  const auto of = [&]<class T>() {
    if (a.taps > 4) return launch.template operator()<T, 1, static_cast<int>(kMostConvTaps)>();
    InSteps<T>(a, views) ? launch.template operator()<T, kChannels, 4>() : launch.template operator()<T, 1, 4>();
  };
  ForType(a.type, of);
}

dim3 GridOf(int64_t channels, int per_thread, int64_t tokens, int64_t rows) {
  const int64_t sections = CeilDiv(tokens, rows);
  HLM_CHECK(sections <= 65535, "a convolution of ", sections, " sections");
  return {GridSize(CeilDiv(channels, int64_t{per_thread} * kThreads)), static_cast<unsigned>(sections)};
}

int64_t SumsOf(const CausalConvBackwardArgs& a) { return a.channels * (a.taps + (a.bias == nullptr ? 0 : 1)); }

}  // namespace

void CausalConv(cudaStream_t stream, const CausalConvArgs& a) {
  const int64_t rows = std::max(kForwardRows, CeilDiv(a.tokens, int64_t{65535}));
  ForShape(a, {a.x, a.before, a.after, a.y}, [&]<class T, int kN, int kTaps>() {
    ConvKernel<T, kN, kTaps><<<GridOf(a.channels, kN, a.tokens, rows), kThreads, 0, stream>>>(PlacesOf<T>(a, rows), a.silu,
                                                                                              Lines<T>(a.y, 1, a.channels));
  });
  CheckLaunch("CausalConv");
}

size_t CausalConvBackwardBytes(const CausalConvBackwardArgs& a) {
  return static_cast<size_t>(std::min(kMostSections, CeilDiv(a.tokens, kLeastRows)) * SumsOf(a)) * sizeof(float);
}

void CausalConvBackward(cudaStream_t stream, const CausalConvBackwardArgs& a, void* scratch) {
  const RowChunks sections = CutRows(a.tokens, kMostSections, kLeastRows);
  auto* sums = static_cast<float*>(scratch);
  ForShape(a, {a.x, a.before, a.after, a.dy, a.dx, a.dbefore, a.dafter}, [&]<class T, int kN, int kTaps>() {
    const auto lines = [&]<class E>(const View& view) { return Lines<E>(view, 1, a.channels); };
    const ConvGradients<T> gradients{lines.template operator()<const T>(a.dy),
                                     lines.template operator()<T>(a.dx),
                                     lines.template operator()<T>(a.dbefore),
                                     lines.template operator()<T>(a.dafter),
                                     sums,
                                     SumsOf(a)};
    ConvBackwardKernel<T, kN, kTaps><<<GridOf(a.channels, kN, a.tokens, sections.rows), kThreads, 0, stream>>>(
        PlacesOf<T>(a, sections.rows), a.silu, gradients);
  });
  AddPartialSums(stream, {.partials = sums,
                          .parts = sections.count,
                          .width = SumsOf(a),
                          .accumulate = a.accumulate,
                          .first = a.dw,
                          .second = a.dbias,
                          .split = a.channels * a.taps});
  CheckLaunch("CausalConvBackward");
}

}  // namespace hlm::cuda
