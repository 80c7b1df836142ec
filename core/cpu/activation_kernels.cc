// Activations, gated or not, forward and backward; gpt-oss' clamped layer; scaled sums. Plain loops in float.
#include "core/cpu/activations.h"
#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

template <class T>
ActNumbers NumbersOf(ActFunction kind, const XieluArgs& args, float limit, float factor) {
  if (kind != ActFunction::kXielu) return {.limit = Rounded<T>(limit), .factor = factor};
  const float p = ToFloat(*static_cast<const T*>(args.alpha_p)), n = ToFloat(*static_cast<const T*>(args.alpha_n));
  const float beta = args.beta == nullptr ? 0.5f : ToFloat(*static_cast<const T*>(args.beta));
  const float epsilon = args.epsilon == nullptr ? -1e-6f : ToFloat(*static_cast<const T*>(args.epsilon));
  return {Softplus(p), beta + Softplus(n), beta, epsilon};
}

template <class T, ActFunction kWhat>
void Forward(const ActivateArgs& a) {
  const ReadLines<T> x(a.x, a.heads, a.width), up(a.up, a.heads, a.width);
  const WrittenLines<T> y(a.y, a.heads, a.width);
  const ActNumbers numbers = NumbersOf<T>(kWhat, a.xielu, a.limit, a.factor);
  ParallelRows(a.range, a.rows, RowsPerBlock(a.heads * a.width), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t h = 0; h < a.heads; ++h) {
        const T *from = x.at(r, h), *by = up ? up.at(r, h) : nullptr;
        T* to = y.at(r, h);
        for (int64_t i = 0; i < a.width; ++i) {
          const float value = Activated<kWhat>(ToFloat(from[i]), numbers).value;
          to[i] = FromFloat<T>(by == nullptr ? value : value * ToFloat(by[i]));
        }
      }
    }
  });
}

// What xIELU's two numbers get from some rows, before the slopes of their softplus.
struct AlphaSums {
  double p = 0, n = 0;
};

template <class T, ActFunction kWhat>
AlphaSums BackwardRows(const ActivateBackwardArgs& a, const ActNumbers& numbers, int64_t begin, int64_t end) {
  const ReadLines<T> x(a.x, a.heads, a.width), up(a.up, a.heads, a.width), dy(a.dy, a.heads, a.width);
  const WrittenLines<T> dx(a.dx, a.heads, a.width), dup(a.dup, a.heads, a.width);
  AlphaSums sums;
  for (int64_t r = begin; r < end; ++r) {
    for (int64_t h = 0; h < a.heads; ++h) {
      const T *from = x.at(r, h), *by = up ? up.at(r, h) : nullptr, *d = dy.at(r, h);
      T *to = dx.at(r, h), *to_up = up ? dup.at(r, h) : nullptr;
      for (int64_t i = 0; i < a.width; ++i) {
        const float value = ToFloat(from[i]), slope_in = ToFloat(d[i]);
        const ValueAndSlope act = Activated<kWhat>(value, numbers);
        const float inner = by == nullptr ? slope_in : slope_in * ToFloat(by[i]);
        if (by != nullptr) to_up[i] = FromFloat<T>(slope_in * act.value);
        to[i] = FromFloat<T>(inner * act.slope);
        if constexpr (kWhat == ActFunction::kXielu) {
          const float least = value < numbers.epsilon ? value : numbers.epsilon;
          (value > 0 ? sums.p : sums.n) += static_cast<double>(inner * (value > 0 ? value * value : std::expm1(least) - value));
        }
      }
    }
  }
  return sums;
}

template <class T, ActFunction kWhat>
void Backward(const ActivateBackwardArgs& a, float* scratch) {
  const ActNumbers numbers = NumbersOf<T>(kWhat, a.xielu, a.limit, a.factor);
  auto* sums = reinterpret_cast<AlphaSums*>(scratch);
  const int64_t block = PartialBlockRows(a.rows);
  ParallelRows(a.range, a.rows, block, [&](int64_t begin, int64_t end) {
    const AlphaSums own = BackwardRows<T, kWhat>(a, numbers, begin, end);
    if (kWhat == ActFunction::kXielu) sums[begin / block] = own;
  });
  if constexpr (kWhat == ActFunction::kXielu) {
    AlphaSums total;
    for (int64_t b = 0; b < CeilDiv(a.rows, block); ++b) {
      total.p += sums[b].p;
      total.n += sums[b].n;
    }
    const auto give = [&](double sum, const void* alpha, float* to) {
      if (to == nullptr) return;
      const auto gradient = static_cast<float>(sum * static_cast<double>(SigmoidOf(ToFloat(*static_cast<const T*>(alpha)))));
      *to = a.accumulate ? *to + gradient : gradient;
    };
    give(total.p, a.xielu.alpha_p, a.dalpha_p);
    give(total.n, a.xielu.alpha_n, a.dalpha_n);
  }
}

}  // namespace

void ActivateKernel(const ActivateArgs& a) {
  ForType(a.type, [&]<class T>() { ForActivation(a.kind, [&]<ActFunction kWhat>() { Forward<T, kWhat>(a); }); });
}

size_t ActivateBackwardFloats(const ActivateBackwardArgs& a) {
  if (a.kind != ActFunction::kXielu) return 0;
  return static_cast<size_t>(MostPartialBlocks(a.rows)) * sizeof(AlphaSums) / sizeof(float);
}

void ActivateBackwardKernel(const ActivateBackwardArgs& a, float* scratch) {
  ForType(a.type, [&]<class T>() { ForActivation(a.kind, [&]<ActFunction kWhat>() { Backward<T, kWhat>(a, scratch); }); });
}

void ClampedGluKernel(const ClampedGluArgs& a) {
  ForType(a.type, [&]<class T>() {
    ParallelRows(a.range, a.tokens, RowsPerBlock(a.width), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * a.width; i < end * a.width; ++i) {
        const T* pair = static_cast<const T*>(a.gate_up) + 2 * i;
        const float gate = std::min(ToFloat(pair[0]), a.limit), up = std::clamp(ToFloat(pair[1]), -a.limit, a.limit);
        static_cast<T*>(a.y)[i] = FromFloat<T>((up + 1) * gate * SigmoidOf(a.alpha * gate));
      }
    });
  });
}

void ClampedGluBackwardKernel(const ClampedGluBackwardArgs& a) {
  ForType(a.type, [&]<class T>() {
    ParallelRows(a.range, a.tokens, RowsPerBlock(a.width), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * a.width; i < end * a.width; ++i) {
        const T* pair = static_cast<const T*>(a.gate_up) + 2 * i;
        T* to = static_cast<T*>(a.dgate_up) + 2 * i;
        const float g = ToFloat(pair[0]), u = ToFloat(pair[1]), d = ToFloat(static_cast<const T*>(a.dy)[i]);
        const float gate = std::min(g, a.limit), up = std::clamp(u, -a.limit, a.limit), s = SigmoidOf(a.alpha * gate);
        to[0] = FromFloat<T>(g <= a.limit ? d * (up + 1) * s * (1 + a.alpha * gate * (1 - s)) : 0.0f);
        to[1] = FromFloat<T>(std::abs(u) <= a.limit ? d * gate * s : 0.0f);
      }
    });
  });
}

void GateHeadsKernel(const GateHeadsArgs& a) {
  ForType(a.type, [&]<class T>() {
    ParallelBlocks(a.tokens * a.heads, RowsPerBlock(a.width), [&](int64_t begin, int64_t end) {
      for (int64_t h = begin; h < end; ++h) {
        const T* x = static_cast<const T*>(a.x) + h * a.width;
        T* y = static_cast<T*>(a.y) + h * a.width;
        const float gate = SigmoidOf(ToFloat(static_cast<const T*>(a.gate)[h]));
        for (int64_t i = 0; i < a.width; ++i) y[i] = FromFloat<T>(gate * ToFloat(x[i]));
      }
    });
  });
}

void GateHeadsBackwardKernel(const GateHeadsBackwardArgs& a) {
  ForType(a.type, [&]<class T>() {
    ParallelBlocks(a.tokens * a.heads, RowsPerBlock(a.width), [&](int64_t begin, int64_t end) {
      for (int64_t h = begin; h < end; ++h) {
        const T *x = static_cast<const T*>(a.x) + h * a.width, *dy = static_cast<const T*>(a.dy) + h * a.width;
        T* dx = static_cast<T*>(a.dx) + h * a.width;
        const float gate = SigmoidOf(ToFloat(static_cast<const T*>(a.gate)[h]));
        float dot = 0;
        for (int64_t i = 0; i < a.width; ++i) {
          const float d = ToFloat(dy[i]);
          dot += d * ToFloat(x[i]);
          dx[i] = FromFloat<T>(gate * d);
        }
        static_cast<T*>(a.dgate)[h] = FromFloat<T>(dot * gate * (1 - gate));
      }
    });
  });
}

void ScaleAddKernel(const ScaleAddArgs& a) {
  ForType(a.type, [&]<class T>() {
    const auto *x = static_cast<const T*>(a.x), *z = static_cast<const T*>(a.z);
    auto* y = static_cast<T*>(a.y);
    const float scale = a.factor == nullptr ? a.scale : a.scale * ToFloat(*static_cast<const T*>(a.factor));
    ParallelBlocks(a.n, kElementsPerBlock, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float scaled = scale * ToFloat(z[i]);
        y[i] = FromFloat<T>(x == nullptr ? scaled : ToFloat(x[i]) + scaled);
      }
    });
  });
}

void CapLogitsKernel(const CapLogitsArgs& a) {
  ParallelBlocks(a.n, kElementsPerBlock, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) a.y[i] = CappedLogit(a.x[i], a.logit_scale, a.soft_cap);
  });
}

}  // namespace hlm
