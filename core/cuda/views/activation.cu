// Activations, gated or not, forward and backward; gpt-oss' clamped layer; scaled sums; caps of logits.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/span.cuh"
#include "core/cuda/views/lines.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 256;

__device__ float SigmoidOf(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ float Softplus(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }

struct ActNumbers {  // xIELU's, out of their weights, the limit of a clip and the factor of a scale
  float p, n, beta, epsilon, limit, factor;
};
template <class T>
struct Xielu {  // one number each; beta and epsilon may be null
  const T *alpha_p, *alpha_n, *beta, *epsilon;
};
template <class T>
Xielu<T> XieluOf(const XieluArgs& args) {
  return {static_cast<const T*>(args.alpha_p), static_cast<const T*>(args.alpha_n), static_cast<const T*>(args.beta),
          static_cast<const T*>(args.epsilon)};
}
template <ActFunction kWhat, class T>
__device__ ActNumbers NumbersOf(const Xielu<T>& xielu, float limit, float factor) {
  if constexpr (kWhat != ActFunction::kXielu) return {0, 0, 0, 0, RoundedAs<T>(limit), factor};
  const float beta = xielu.beta == nullptr ? 0.5f : static_cast<float>(*xielu.beta);
  const float epsilon = xielu.epsilon == nullptr ? -1e-6f : static_cast<float>(*xielu.epsilon);
  return {Softplus(static_cast<float>(*xielu.alpha_p)),
          beta + Softplus(static_cast<float>(*xielu.alpha_n)),
          beta,
          epsilon,
          limit,
          factor};
}

struct ValueAndSlope {
  float value, slope;
};
template <ActFunction kWhat>
__device__ ValueAndSlope Activated(float x, const ActNumbers& numbers) {
  if constexpr (kWhat == ActFunction::kSilu) {
    const float s = SigmoidOf(x);
    return {x * s, s * (1 + x * (1 - s))};
  } else if constexpr (kWhat == ActFunction::kSigmoid) {
    const float s = SigmoidOf(x);
    return {s, s * (1 - s)};
  } else if constexpr (kWhat == ActFunction::kGelu) {
    constexpr float kRootHalf = 0.70710678f, kRootTwoPi = 0.39894228f;  // 1 / sqrt(2), 1 / sqrt(2 pi)
    const float below = 0.5f * (1 + erff(x * kRootHalf));
    return {x * below, below + x * kRootTwoPi * expf(-0.5f * x * x)};
  } else if constexpr (kWhat == ActFunction::kGeluTanh) {
    constexpr float kRoot = 0.79788456f, kCubic = 0.044715f;  // sqrt(2 / pi)
    const float t = tanhf(kRoot * (x + kCubic * x * x * x));
    return {0.5f * x * (1 + t), 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * kRoot * (1 + 3 * kCubic * x * x)};
  } else if constexpr (kWhat == ActFunction::kRelu) {
    return {x < 0 ? 0 : x, x > 0 ? 1.0f : 0.0f};
  } else if constexpr (kWhat == ActFunction::kReluSquared) {
    const float positive = x < 0 ? 0 : x;
    return {positive * positive, 2 * positive};
  } else if constexpr (kWhat == ActFunction::kClip) {
    const float limit = numbers.limit;
    return {x > limit ? limit : x < -limit ? -limit : x, x < limit && x > -limit ? 1.0f : 0.0f};
  } else if constexpr (kWhat == ActFunction::kScale) {
    return {numbers.factor * x, numbers.factor};
  } else {
    if (x > 0) return {numbers.p * x * x + numbers.beta * x, 2 * numbers.p * x + numbers.beta};
    const float least = x < numbers.epsilon ? x : numbers.epsilon;
    return {(expm1f(least) - x) * numbers.n + numbers.beta * x,
            ((x < numbers.epsilon ? expf(x) : 0.0f) - 1) * numbers.n + numbers.beta};
  }
}

template <class Launch>
void ForActivation(ActFunction kind, const Launch& launch) {
  switch (kind) {
    case ActFunction::kSilu:
      return launch.template operator()<ActFunction::kSilu>();
    case ActFunction::kSigmoid:
      return launch.template operator()<ActFunction::kSigmoid>();
    case ActFunction::kGelu:
      return launch.template operator()<ActFunction::kGelu>();
    case ActFunction::kGeluTanh:
      return launch.template operator()<ActFunction::kGeluTanh>();
    case ActFunction::kRelu:
      return launch.template operator()<ActFunction::kRelu>();
    case ActFunction::kReluSquared:
      return launch.template operator()<ActFunction::kReluSquared>();
    case ActFunction::kClip:
      return launch.template operator()<ActFunction::kClip>();
    case ActFunction::kScale:
      return launch.template operator()<ActFunction::kScale>();
    case ActFunction::kXielu:
      return launch.template operator()<ActFunction::kXielu>();
  }
}

// A block has a row.
template <class T, int kN, ActFunction kWhat>
__global__ void __launch_bounds__(kThreads) ActivateKernel(Lines<const T> x, Lines<const T> up, Lines<T> y, int heads, int width,
                                                           Xielu<T> xielu, float limit, float factor, RowRange range) {
  const int64_t row = blockIdx.x;
  if (!SpanOf(range, gridDim.x, 1).Has(row)) return;
  const ActNumbers numbers = NumbersOf<kWhat>(xielu, limit, factor);
  const int vecs = width / kN;
  for (int i = static_cast<int>(threadIdx.x); i < heads * vecs; i += kThreads) {
    const int head = i / vecs, c = i % vecs * kN;
    float v[kN], u[kN];
    ReadFloats<kN>(x.at(row, head) + c, v);
    if (up.data != nullptr) ReadFloats<kN>(up.at(row, head) + c, u);
#pragma unroll
    for (int k = 0; k < kN; ++k) {
      const float value = Activated<kWhat>(v[k], numbers).value;
      v[k] = up.data != nullptr ? value * u[k] : value;
    }
    WriteFloats<kN>(y.at(row, head) + c, v);
  }
}

// sums [rows, 2]: of xIELU's two numbers, before the slopes of their softplus. In double, products among them: all of a tensor is
// added up into one number, of terms that mostly cancel.
template <class T, int kN, ActFunction kWhat>
__global__ void __launch_bounds__(kThreads)
    ActivateBackwardKernel(Lines<const T> x, Lines<const T> up, Lines<const T> dy, Lines<T> dx, Lines<T> dup, int heads,
                           int width, Xielu<T> xielu, float limit, float factor, double* sums, RowRange range) {
  __shared__ double warps[2][kThreads / kWarp];
  const int64_t row = blockIdx.x;
  if (!SpanOf(range, gridDim.x, 1).Has(row)) return;  // a whole block
  const ActNumbers numbers = NumbersOf<kWhat>(xielu, limit, factor);
  const int vecs = width / kN;
  double sum_p = 0, sum_n = 0;
  for (int i = static_cast<int>(threadIdx.x); i < heads * vecs; i += kThreads) {
    const int head = i / vecs, c = i % vecs * kN;
    float v[kN], u[kN], d[kN];
    ReadFloats<kN>(x.at(row, head) + c, v);
    ReadFloats<kN>(dy.at(row, head) + c, d);
    if (up.data != nullptr) ReadFloats<kN>(up.at(row, head) + c, u);
#pragma unroll
    for (int k = 0; k < kN; ++k) {
      const ValueAndSlope act = Activated<kWhat>(v[k], numbers);
      const float u_of = up.data != nullptr ? u[k] : 1.0f, inner = d[k] * u_of;
      u[k] = d[k] * act.value;
      if constexpr (kWhat == ActFunction::kXielu) {
        const float least = v[k] < numbers.epsilon ? v[k] : numbers.epsilon;
        const auto x_of = static_cast<double>(v[k]);
        const double d_of = static_cast<double>(d[k]) * static_cast<double>(u_of);
        if (v[k] > 0) {
          sum_p += d_of * x_of * x_of;
        } else {
          sum_n += d_of * (static_cast<double>(expm1f(least)) - x_of);
        }
      }
      v[k] = inner * act.slope;
    }
    WriteFloats<kN>(dx.at(row, head) + c, v);
    if (up.data != nullptr) WriteFloats<kN>(dup.at(row, head) + c, u);
  }
  if constexpr (kWhat == ActFunction::kXielu) {
    sum_p = WarpSum(sum_p);
    sum_n = WarpSum(sum_n);
    if (threadIdx.x % kWarp == 0) {
      warps[0][threadIdx.x / kWarp] = sum_p;
      warps[1][threadIdx.x / kWarp] = sum_n;
    }
    __syncthreads();
    if (threadIdx.x < 2) {
      double sum = 0;
      for (const double of_warp : warps[threadIdx.x]) sum += of_warp;
      sums[2 * row + threadIdx.x] = sum;
    }
  }
}

// One block: the rows' sums in a fixed order, times the slope of softplus.
template <class T>
__global__ void __launch_bounds__(kThreads)
    AlphaGradientsKernel(const double* sums, int64_t rows, const T* alpha_p, const T* alpha_n, bool accumulate, float* dalpha_p,
                         float* dalpha_n) {
  __shared__ double parts[2][kThreads];
  double p = 0, n = 0;
  for (int64_t r = threadIdx.x; r < rows; r += kThreads) {
    p += sums[2 * r];
    n += sums[2 * r + 1];
  }
  parts[0][threadIdx.x] = p;
  parts[1][threadIdx.x] = n;
  __syncthreads();
  if (threadIdx.x > 1) return;
  double total = 0;
  for (int t = 0; t < kThreads; ++t) total += parts[threadIdx.x][t];
  const T* alpha = threadIdx.x == 0 ? alpha_p : alpha_n;
  float* to = threadIdx.x == 0 ? dalpha_p : dalpha_n;
  if (to == nullptr) return;
  const float gradient = static_cast<float>(total) * SigmoidOf(static_cast<float>(*alpha));
  *to = accumulate ? *to + gradient : gradient;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    ClampedGluKernel(const T* gate_up, int64_t n, int64_t width, float alpha, float limit, T* y, RowRange range) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!SpanOf(range, n, width).Has(i)) return;
  const float g = static_cast<float>(gate_up[2 * i]), u = static_cast<float>(gate_up[2 * i + 1]);
  const float gate = g > limit ? limit : g, up = u > limit ? limit : u < -limit ? -limit : u;
  y[i] = static_cast<T>((up + 1) * gate * SigmoidOf(alpha * gate));
}

template <class T>
__global__ void __launch_bounds__(kThreads) ClampedGluBackwardKernel(const T* gate_up, const T* dy, int64_t n, int64_t width,
                                                                     float alpha, float limit, T* dgate_up, RowRange range) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!SpanOf(range, n, width).Has(i)) return;
  const float g = static_cast<float>(gate_up[2 * i]), u = static_cast<float>(gate_up[2 * i + 1]), d = static_cast<float>(dy[i]);
  const float gate = g > limit ? limit : g, up = u > limit ? limit : u < -limit ? -limit : u, s = SigmoidOf(alpha * gate);
  dgate_up[2 * i] = static_cast<T>(g > limit ? 0.0f : d * (up + 1) * s * (1 + alpha * gate * (1 - s)));
  dgate_up[2 * i + 1] = static_cast<T>(u > limit || u < -limit ? 0.0f : d * gate * s);
}

template <class T, int kN>
__global__ void __launch_bounds__(kThreads)
    ScaleAddKernel(const T* x, const T* z, int64_t vecs, float scale, const T* factor, T* y) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= vecs) return;
  if (factor != nullptr) scale *= static_cast<float>(*factor);
  float a[kN] = {}, b[kN];
  if (x != nullptr) ReadFloats<kN>(x + i * kN, a);
  ReadFloats<kN>(z + i * kN, b);
#pragma unroll
  for (int k = 0; k < kN; ++k) a[k] += scale * b[k];
  WriteFloats<kN>(y + i * kN, a);
}

__global__ void __launch_bounds__(kThreads) CapLogitsKernel(const float* x, int64_t n, float scale, float cap, float* y) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= n) return;
  const float z = scale * x[i];
  y[i] = cap > 0 ? cap * tanhf(z / cap) : z;
}

unsigned Blocks(int64_t n) { return GridSize(CeilDiv(n, kThreads)); }

}  // namespace

void Activate(cudaStream_t stream, const ActivateArgs& a) {
  HLM_CHECK(a.heads * a.width <= INT_MAX, "Activate of ", a.heads, " heads of ", a.width);
  const auto lines = [&]<class T>(const View& view) { return Lines<T>(view, a.heads, a.width); };
  const auto fits = [&]<class T>(int n) {
    return lines.template operator()<T>(a.x).InStepsOf(n) && lines.template operator()<T>(a.up).InStepsOf(n) &&
           lines.template operator()<T>(a.y).InStepsOf(n);
  };
  ForVectors(a.type, a.width, fits, [&]<class T, int kN>() {
    ForActivation(a.kind, [&]<ActFunction kWhat>() {
      ActivateKernel<T, kN, kWhat><<<GridSize(a.rows), kThreads, 0, stream>>>(
          lines.template operator()<const T>(a.x), lines.template operator()<const T>(a.up), lines.template operator()<T>(a.y),
          static_cast<int>(a.heads), static_cast<int>(a.width), XieluOf<T>(a.xielu), a.limit, a.factor, a.range);
    });
  });
  CheckLaunch("Activate");
}

size_t ActivateBackwardBytes(const ActivateBackwardArgs& a) {
  return a.kind == ActFunction::kXielu ? static_cast<size_t>(2 * a.rows) * sizeof(double) : 0;
}

void ActivateBackward(cudaStream_t stream, const ActivateBackwardArgs& a, void* scratch) {
  HLM_CHECK(a.heads * a.width <= INT_MAX, "ActivateBackward of ", a.heads, " heads of ", a.width);
  const auto lines = [&]<class T>(const View& view) { return Lines<T>(view, a.heads, a.width); };
  const auto fits = [&]<class T>(int n) {
    for (const View& view : {a.x, a.up, a.dy, View(a.dx), View(a.dup)}) {
      if (!lines.template operator()<T>(view).InStepsOf(n)) return false;
    }
    return true;
  };
  auto* sums = static_cast<double*>(scratch);
  ForVectors(a.type, a.width, fits, [&]<class T, int kN>() {
    const Xielu<T> xielu = XieluOf<T>(a.xielu);
    ForActivation(a.kind, [&]<ActFunction kWhat>() {
      ActivateBackwardKernel<T, kN, kWhat><<<GridSize(a.rows), kThreads, 0, stream>>>(
          lines.template operator()<const T>(a.x), lines.template operator()<const T>(a.up),
          lines.template operator()<const T>(a.dy), lines.template operator()<T>(a.dx), lines.template operator()<T>(a.dup),
          static_cast<int>(a.heads), static_cast<int>(a.width), xielu, a.limit, a.factor, sums, a.range);
    });
    if (a.kind == ActFunction::kXielu) {
      AlphaGradientsKernel<<<1, kThreads, 0, stream>>>(sums, a.rows, xielu.alpha_p, xielu.alpha_n, a.accumulate, a.dalpha_p,
                                                       a.dalpha_n);
    }
  });
  CheckLaunch("ActivateBackward");
}

void ClampedGlu(cudaStream_t stream, const ClampedGluArgs& a) {
  const int64_t n = a.tokens * a.width;
  ForType(a.type, [&]<class T>() {
    ClampedGluKernel<<<Blocks(n), kThreads, 0, stream>>>(static_cast<const T*>(a.gate_up), n, a.width, a.alpha, a.limit,
                                                         static_cast<T*>(a.y), a.range);
  });
  CheckLaunch("ClampedGlu");
}

void ClampedGluBackward(cudaStream_t stream, const ClampedGluBackwardArgs& a) {
  const int64_t n = a.tokens * a.width;
  ForType(a.type, [&]<class T>() {
    ClampedGluBackwardKernel<<<Blocks(n), kThreads, 0, stream>>>(static_cast<const T*>(a.gate_up), static_cast<const T*>(a.dy), n,
                                                                 a.width, a.alpha, a.limit, static_cast<T*>(a.dgate_up), a.range);
  });
  CheckLaunch("ClampedGluBackward");
}

void ScaleAdd(cudaStream_t stream, const ScaleAddArgs& a) {
  const auto fits = [&]<class T>(int n) {
    for (const void* data : {a.x, a.z, static_cast<const void*>(a.y)}) {
      if (reinterpret_cast<uintptr_t>(data) % (static_cast<size_t>(n) * sizeof(T)) != 0) return false;
    }
    return true;
  };
  ForVectors(a.type, a.n, fits, [&]<class T, int kN>() {
    ScaleAddKernel<T, kN><<<Blocks(a.n / kN), kThreads, 0, stream>>>(static_cast<const T*>(a.x), static_cast<const T*>(a.z),
                                                                     a.n / kN, a.scale, static_cast<const T*>(a.factor),
                                                                     static_cast<T*>(a.y));
  });
  CheckLaunch("ScaleAdd");
}

void CapLogits(cudaStream_t stream, const CapLogitsArgs& a) {
  CapLogitsKernel<<<Blocks(a.n), kThreads, 0, stream>>>(a.x, a.n, a.logit_scale, a.soft_cap, a.y);
  CheckLaunch("CapLogits");
}

}  // namespace hlm::cuda
