// The gates of linear recurrences, forward and backward. Plain loops in float; sums over tokens are made section by section in
// double and then added in order.
#include "core/cpu/activations.h"
#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

// One gate: the step before and behind its limits, and its decay's rate.
struct Gate {
  float raw, step, rate;
};
template <class T, class Args>
Gate GateAt(const Args& a, const T* x, int64_t head, int64_t i) {
  const float raw = Softplus(ToFloat(x[i]) + ToFloat(static_cast<const T*>(a.dt_bias)[head * a.width + i]));
  const float step = raw < a.least ? a.least : raw > a.most ? a.most : raw;  // a NaN stays one
  return {raw, step, std::exp(ToFloat(static_cast<const T*>(a.a_log)[head]))};
}

template <class T>
void Forward(const DecayGatesArgs& a) {
  const ReadLines<T> x(a.a, a.heads, a.width), b(a.b, a.heads, 1);
  ParallelBlocks(a.tokens, RowsPerBlock(a.heads * a.width), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t h = 0; h < a.heads; ++h) {
        for (int64_t i = 0; i < a.width; ++i) {
          const Gate gate = GateAt(a, x.at(t, h), h, i);
          const int64_t at = (t * a.heads + h) * a.width + i;
          a.g[at] = -gate.rate * gate.step;
          if (a.step != nullptr) a.step[at] = gate.step;
        }
        if (b) a.beta[t * a.heads + h] = a.beta_scale * SigmoidOf(ToFloat(*b.at(t, h)));
      }
    }
  });
}

// `sums` [heads (1 + width)]: of a_log, then of dt_bias.
template <class T>
void BackwardRows(const DecayGatesBackwardArgs& a, int64_t begin, int64_t end, double* sums) {
  const ReadLines<T> x(a.a, a.heads, a.width), b(a.b, a.heads, 1);
  const WrittenLines<T> dx(a.da, a.heads, a.width), db(a.db, a.heads, 1);
  std::fill_n(sums, a.heads * (1 + a.width), 0.0);
  for (int64_t t = begin; t < end; ++t) {
    for (int64_t h = 0; h < a.heads; ++h) {
      for (int64_t i = 0; i < a.width; ++i) {
        const Gate gate = GateAt(a, x.at(t, h), h, i);
        const int64_t at = (t * a.heads + h) * a.width + i;
        const float dg = a.dg[at], dstep = (a.dstep == nullptr ? 0.0f : a.dstep[at]) - dg * gate.rate;
        const bool between = !(gate.raw < a.least || gate.raw > a.most);
        // The slope of softplus is 1 - exp(-softplus).
        const float slope = between ? dstep * -std::expm1(-gate.raw) : 0.0f;
        dx.at(t, h)[i] = FromFloat<T>(slope);
        sums[h] -= static_cast<double>(dg * gate.rate * gate.step);
        sums[a.heads + h * a.width + i] += static_cast<double>(slope);
      }
      if (!b) continue;
      const float s = SigmoidOf(ToFloat(*b.at(t, h)));
      *db.at(t, h) = FromFloat<T>(a.dbeta[t * a.heads + h] * a.beta_scale * s * (1 - s));
    }
  }
}

template <class T>
void Backward(const DecayGatesBackwardArgs& a, float* scratch) {
  auto* sums = reinterpret_cast<double*>(scratch);
  const int64_t block = PartialBlockRows(a.tokens), each = a.heads * (1 + a.width), blocks = CeilDiv(a.tokens, block);
  ParallelBlocks(a.tokens, block,
                 [&](int64_t begin, int64_t end) { BackwardRows<T>(a, begin, end, sums + begin / block * each); });
  for (int64_t c = 0; c < each; ++c) {
    double sum = 0;
    for (int64_t b = 0; b < blocks; ++b) sum += sums[b * each + c];
    float* to = c < a.heads ? a.da_log + c : a.ddt_bias + (c - a.heads);
    *to = static_cast<float>(a.accumulate ? static_cast<double>(*to) + sum : sum);
  }
}

}  // namespace

void DecayGatesKernel(const DecayGatesArgs& a) {
  ForType(a.type, [&]<class T>() { Forward<T>(a); });
}

size_t DecayGatesBackwardFloats(const DecayGatesBackwardArgs& a) {
  return static_cast<size_t>(2 * MostPartialBlocks(a.tokens) * a.heads * (1 + a.width));
}

void DecayGatesBackwardKernel(const DecayGatesBackwardArgs& a, float* scratch) {
  ForType(a.type, [&]<class T>() { Backward<T>(a, scratch); });
}

}  // namespace hlm
