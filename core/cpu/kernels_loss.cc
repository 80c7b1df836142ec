// Cross entropy over rows of fp32 logits, with its gradient.
#include <cmath>
#include <limits>

#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"
#include "core/cpu/views.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/kernels_loss.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "core/cpu/simd-inl.h"
#include "hwy/contrib/math/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace hlm {
namespace HWY_NAMESPACE {

// Elements summed in float lanes before the sum goes on in double: 150,000 terms would lose digits otherwise.
constexpr int64_t kFloatSumElements = 2048;

HWY_INLINE float RowMax(const float* x, int64_t count) {
  Floats most = Set(-std::numeric_limits<float>::infinity());
  ForLanes(
      count, HLM_LANES { most = hn::Max(most, Load(x + i, n, -std::numeric_limits<float>::infinity())); });
  return hn::GetLane(hn::MaxOfLanes(kFloats, most));
}

struct RowSums {
  double exps = 0;     // of exp(y - most)
  double moments = 0;  // of exp(y - most) (y - most); 0 where it was not asked for
};

// y = scale x, less the largest of them.
HWY_INLINE Floats Below(Floats x, Floats scale, Floats most) { return hn::Sub(hn::Mul(x, scale), most); }

// exps is NaN where a logit is not finite: Highway's Exp makes 0 of a NaN, and a diverged model must not look like a good one.
template <bool kMoments>
HWY_INLINE RowSums SumsOf(const float* x, int64_t count, float scale, float most) {
  const Floats scales = Set(scale), down = Set(most);
  const Floats least = Set(-200.0f);  // below it exp is 0, and 0 times infinity would not be
  Floats poison = Zero();
  RowSums total;
  for (int64_t at = 0; at < count; at += kFloatSumElements) {
    Floats exps = Zero(), moments = Zero();
    ForLanes(
        HWY_MIN(kFloatSumElements, count - at), HLM_LANES {
          const Floats below = Below(Load(x + at + i, n, -std::numeric_limits<float>::infinity()), scales, down);
          const Floats e = hn::Exp(kFloats, below);
          exps = hn::Add(exps, e);
          if constexpr (kMoments) moments = hn::MulAdd(e, hn::Max(below, least), moments);
          poison = hn::MulAdd(Load(x + at + i, n), Zero(), poison);
        });
    total.exps += static_cast<double>(Sum(exps));
    if constexpr (kMoments) total.moments += static_cast<double>(Sum(moments));
  }
  total.exps += static_cast<double>(Sum(poison));
  return total;
}

template <class T>
void LossRowsOf(const CrossEntropyArgs& args, int64_t begin, int64_t end) {
  const int64_t vocab = args.vocab;
  for (int64_t r = begin; r < end; ++r) {
    const float* logits = args.logits + r * vocab;
    T* gradient = args.dlogits == nullptr ? nullptr : static_cast<T*>(args.dlogits) + r * vocab;
    const int32_t target = args.targets[r];
    if (target < 0) {
      args.nll[r] = 0;
      if (args.entropies != nullptr) args.entropies[r] = 0;
      if (args.best != nullptr) args.best[r] = 0;
      if (gradient != nullptr) std::memset(gradient, 0, static_cast<size_t>(vocab) * sizeof(T));
      continue;
    }
    const float most = RowMax(logits, vocab) * args.scale;
    const bool entropy = args.entropies != nullptr || args.entropy_weights != nullptr;
    const RowSums sums = entropy ? SumsOf<true>(logits, vocab, args.scale, most) : SumsOf<false>(logits, vocab, args.scale, most);
    const float at = logits[target] * args.scale;
    const double above = static_cast<double>(at) - static_cast<double>(most);     // <= 0
    const double log_sum = std::log(sums.exps), mean = sums.moments / sums.exps;  // mean of y - most under p
    args.nll[r] = static_cast<float>(log_sum - above);
    if (args.entropies != nullptr) args.entropies[r] = static_cast<float>(log_sum - mean);
    if (args.best != nullptr) args.best[r] = static_cast<float>(log_sum);
    if (gradient == nullptr) continue;
    const double weight = args.weights[r];
    const double tilt = args.entropy_weights == nullptr ? 0.0 : static_cast<double>(args.entropy_weights[r]);
    const double at_p = std::exp(above) / sums.exps;
    // Before the loop: dlogits may lie on the logits. As p - 1 in double, which keeps the digits of a target that is nearly sure.
    const float at_target =
        static_cast<float>(args.scale * (weight * (at_p - 1.0) + (tilt == 0 ? 0.0 : tilt * at_p * (mean - above))));
    const double unit = args.scale / sums.exps;
    const Floats scales = Set(args.scale), down = Set(most);
    if (tilt == 0) {
      const Floats factor = Set(static_cast<float>(weight * unit));
      ForLanes(
          vocab,
          HLM_LANES { Store(hn::Mul(hn::Exp(kFloats, Below(Load(logits + i, n), scales, down)), factor), gradient + i, n); });
    } else {
      // p (weight + tilt (mean - (y - most))), where mean - (y - most) is -(log p + H).
      const Floats level = Set(static_cast<float>((weight + tilt * mean) * unit)), slope = Set(static_cast<float>(-tilt * unit));
      ForLanes(
          vocab, HLM_LANES {
            const Floats below = Below(Load(logits + i, n), scales, down);
            Store(hn::Mul(hn::Exp(kFloats, below), hn::MulAdd(below, slope, level)), gradient + i, n);
          });
    }
    if constexpr (sizeof(T) == 4) {
      gradient[target] = at_target;
    } else {
      gradient[target] = FloatToBf16(at_target);
    }
  }
}
// Logits that are scaled or capped first: a row of them in scratch, whose gradient then goes through the cap.
template <class T>
void CappedLossRowsOf(const CrossEntropyArgs& args, int64_t begin, int64_t end, float* scratch) {
  const int64_t vocab = args.vocab;
  float *capped = scratch, *gradient = args.dlogits == nullptr ? nullptr : scratch + vocab;
  const auto at = [](auto* optional, int64_t r) { return optional == nullptr ? nullptr : optional + r; };
  for (int64_t r = begin; r < end; ++r) {
    for (int64_t i = 0; i < vocab; ++i) capped[i] = CappedLogit(args.logits[r * vocab + i], args.logit_scale, args.soft_cap);
    CrossEntropyArgs row = args;
    row.rows = 1;
    row.logits = capped;
    row.targets += r;
    row.weights = at(args.weights, r);
    row.nll += r;
    row.dlogits = gradient;
    row.entropy_weights = at(args.entropy_weights, r);
    row.entropies = at(args.entropies, r);
    row.best = at(args.best, r);
    LossRowsOf<float>(row, 0, 1);
    if (gradient == nullptr) continue;
    T* to = static_cast<T*>(args.dlogits) + r * vocab;
    for (int64_t i = 0; i < vocab; ++i) {
      const float t = args.soft_cap > 0 ? capped[i] / args.soft_cap : 0.0f, slope = args.logit_scale * (1 - t * t);
      to[i] = FromFloat<T>(gradient[i] * slope);
    }
  }
}

void LossRows(const CrossEntropyArgs& args, int64_t begin, int64_t end, float* scratch) {
  if (scratch != nullptr) {
    args.type == DType::kF32 ? CappedLossRowsOf<float>(args, begin, end, scratch)
                             : CappedLossRowsOf<bf16_t>(args, begin, end, scratch);
    return;
  }
  args.type == DType::kF32 ? LossRowsOf<float>(args, begin, end) : LossRowsOf<bf16_t>(args, begin, end);
}

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm {

HWY_EXPORT(LossRows);

size_t CrossEntropyFloats(const CrossEntropyArgs& args, int64_t threads) {
  return args.logit_scale != 1 || args.soft_cap > 0 ? static_cast<size_t>(threads * 2 * args.vocab) : 0;
}

void CrossEntropyKernel(const CrossEntropyArgs& args, float* scratch) {
  ParallelBlocks(args.rows, RowsPerBlock(args.vocab), [&](int64_t begin, int64_t end) {
    float* own = scratch == nullptr ? nullptr : scratch + omp_get_thread_num() * 2 * args.vocab;
    HWY_DYNAMIC_DISPATCH(LossRows)(args, begin, end, own);
  });
}

}  // namespace hlm
#endif  // HWY_ONCE
