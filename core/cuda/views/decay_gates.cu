// The gates of linear recurrences, forward and backward. Sums over tokens are made section by section and then added in order.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/views/gates.cuh"
#include "core/cuda/views/lines.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int64_t kLeastRows = 64, kMostSections = 128;

template <class T>
struct GatePlaces {
  Lines<const T> a, b;
  const T *a_log, *dt_bias;
  int64_t tokens;
  int heads, width;
  float least, most, beta_scale;
};

// One gate: the step before and behind its limits, and its decay's rate.
struct Gate {
  float raw, step, rate;
};
template <class T>
__device__ Gate GateAt(const GatePlaces<T>& p, int64_t t, int head, int i) {
  const float raw = Softplus(static_cast<float>(p.a.at(t, head)[i]) + static_cast<float>(p.dt_bias[head * p.width + i]));
  return {raw, raw < p.least ? p.least : raw > p.most ? p.most : raw, expf(static_cast<float>(p.a_log[head]))};
}

template <class T>
__global__ void __launch_bounds__(kThreads) GatesKernel(GatePlaces<T> p, float* g, float* step, float* beta) {
  const int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x, row = int64_t{p.heads} * p.width;
  if (at >= p.tokens * row) return;
  const int64_t t = at / row;
  const int column = static_cast<int>(at % row), head = column / p.width, i = column % p.width;
  const Gate gate = GateAt(p, t, head, i);
  g[at] = -gate.rate * gate.step;
  if (step != nullptr) step[at] = gate.step;
  if (i == 0 && p.b.data != nullptr) beta[t * p.heads + head] = p.beta_scale * Sigmoid(static_cast<float>(*p.b.at(t, head)));
}

template <class T>
struct GateGradients {
  const float *dg, *dstep, *dbeta;
  Lines<T> da, db;
  float* sums;  // [sections, 2, heads, width]: of dt_bias, then of a_log by number
};

// A thread has one number of every token of a section.
template <class T>
__global__ void __launch_bounds__(kThreads) GatesBackwardKernel(GatePlaces<T> p, GateGradients<T> d, int64_t rows) {
  const int column = static_cast<int>(blockIdx.x * kThreads + threadIdx.x), row = p.heads * p.width;
  if (column >= row) return;
  const int head = column / p.width, i = column % p.width;
  const int64_t begin = blockIdx.y * rows, end = min(p.tokens, begin + rows);
  double bias = 0, log = 0;
  for (int64_t t = begin; t < end; ++t) {
    const Gate gate = GateAt(p, t, head, i);
    const int64_t at = t * row + column;
    const float dg = d.dg[at], dstep = (d.dstep == nullptr ? 0.0f : d.dstep[at]) - dg * gate.rate;
    // The slope of softplus is 1 - exp(-softplus).
    const float slope = gate.raw < p.least || gate.raw > p.most ? 0.0f : dstep * -expm1f(-gate.raw);
    d.da.at(t, head)[i] = static_cast<T>(slope);
    bias += static_cast<double>(slope);
    log -= static_cast<double>(dg * gate.rate * gate.step);
    if (i > 0 || p.b.data == nullptr) continue;
    const float s = Sigmoid(static_cast<float>(*p.b.at(t, head)));
    *d.db.at(t, head) = static_cast<T>(d.dbeta[t * p.heads + head] * p.beta_scale * s * (1 - s));
  }
  d.sums[(2 * int64_t{blockIdx.y}) * row + column] = static_cast<float>(bias);
  d.sums[(2 * int64_t{blockIdx.y} + 1) * row + column] = static_cast<float>(log);
}

// A thread has one number of dt_bias, or of a_log, in this order.
__global__ void __launch_bounds__(kThreads)
    GateSumsKernel(const float* sums, int64_t sections, int heads, int width, bool accumulate, float* da_log, float* ddt_bias) {
  const int at = static_cast<int>(blockIdx.x * kThreads + threadIdx.x), row = heads * width;
  if (at >= row + heads) return;
  const bool log = at >= row;
  const int first = log ? (at - row) * width : at, count = log ? width : 1;
  double total = 0;
  for (int64_t s = 0; s < sections; ++s) {
    for (int i = 0; i < count; ++i) total += static_cast<double>(sums[(2 * s + (log ? 1 : 0)) * row + first + i]);
  }
  float* to = log ? da_log + (at - row) : ddt_bias + at;
  *to = static_cast<float>(accumulate ? static_cast<double>(*to) + total : total);
}

template <class T>
GatePlaces<T> PlacesOf(const auto& a) {
  HLM_CHECK(a.heads * a.width <= INT_MAX / 4, "gates of ", a.heads, " heads of ", a.width);
  return {Lines<const T>(a.a, a.heads, a.width),
          Lines<const T>(a.b, a.heads, 1),
          static_cast<const T*>(a.a_log),
          static_cast<const T*>(a.dt_bias),
          a.tokens,
          static_cast<int>(a.heads),
          static_cast<int>(a.width),
          a.least,
          a.most,
          a.beta_scale};
}

unsigned Blocks(int64_t n) { return GridSize(CeilDiv(n, int64_t{kThreads})); }

}  // namespace

void DecayGates(cudaStream_t stream, const DecayGatesArgs& a) {
  ForType(a.type, [&]<class T>() {
    GatesKernel<T><<<Blocks(a.tokens * a.heads * a.width), kThreads, 0, stream>>>(PlacesOf<T>(a), a.g, a.step, a.beta);
  });
  CheckLaunch("DecayGates");
}

size_t DecayGatesBackwardBytes(const DecayGatesBackwardArgs& a) {
  return static_cast<size_t>(std::min(kMostSections, CeilDiv(a.tokens, kLeastRows)) * 2 * a.heads * a.width) * sizeof(float);
}

void DecayGatesBackward(cudaStream_t stream, const DecayGatesBackwardArgs& a, void* scratch) {
  const RowChunks sections = CutRows(a.tokens, kMostSections, kLeastRows);
  auto* sums = static_cast<float*>(scratch);
  ForType(a.type, [&]<class T>() {
    const GateGradients<T> gradients{a.dg, a.dstep, a.dbeta, Lines<T>(a.da, a.heads, a.width), Lines<T>(a.db, a.heads, 1), sums};
    const dim3 grid{Blocks(a.heads * a.width), static_cast<unsigned>(sections.count)};
    GatesBackwardKernel<T><<<grid, kThreads, 0, stream>>>(PlacesOf<T>(a), gradients, sections.rows);
  });
  GateSumsKernel<<<Blocks(a.heads * (a.width + 1)), kThreads, 0, stream>>>(
      sums, sections.count, static_cast<int>(a.heads), static_cast<int>(a.width), a.accumulate, a.da_log, a.ddt_bias);
  CheckLaunch("DecayGatesBackward");
}

}  // namespace hlm::cuda
