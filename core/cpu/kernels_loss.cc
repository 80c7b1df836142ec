// Cross entropy over rows of fp32 logits, with its gradient.
#include <cmath>
#include <limits>

#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"

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

// NaN where a logit is not finite: Highway's Exp makes 0 of a NaN, and a diverged model must not look like a good one.
HWY_INLINE double SumOfExps(const float* x, int64_t count, float shift) {
  const Floats down = Set(shift);
  Floats poison = Zero();
  double total = 0;
  for (int64_t at = 0; at < count; at += kFloatSumElements) {
    Floats sum = Zero();
    ForLanes(
        HWY_MIN(kFloatSumElements, count - at), HLM_LANES {
          const Floats logits = Load(x + at + i, n, -std::numeric_limits<float>::infinity());
          sum = hn::Add(sum, hn::Exp(kFloats, hn::Sub(logits, down)));
          poison = hn::MulAdd(Load(x + at + i, n), Zero(), poison);
        });
    total += static_cast<double>(Sum(sum));
  }
  return total + static_cast<double>(Sum(poison));
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
      if (gradient != nullptr) std::memset(gradient, 0, static_cast<size_t>(vocab) * sizeof(T));
      continue;
    }
    const float most = RowMax(logits, vocab);
    const double sum = SumOfExps(logits, vocab, most);
    const double above = static_cast<double>(logits[target]) - static_cast<double>(most);  // <= 0
    args.nll[r] = static_cast<float>(std::log(sum) - above);
    if (gradient == nullptr) continue;
    const double weight = args.weights[r];
    // Before the loop: dlogits may lie on the logits. As p - 1 in double, which keeps the digits of a target that is nearly sure.
    const float at_target = static_cast<float>(weight * (std::exp(above) / sum - 1.0));
    const Floats scale = Set(static_cast<float>(weight / sum)), down = Set(most);
    ForLanes(
        vocab, HLM_LANES { Store(hn::Mul(hn::Exp(kFloats, hn::Sub(Load(logits + i, n), down)), scale), gradient + i, n); });
    if constexpr (sizeof(T) == 4) {
      gradient[target] = at_target;
    } else {
      gradient[target] = FloatToBf16(at_target);
    }
  }
}
void LossRows(const CrossEntropyArgs& args, int64_t begin, int64_t end) {
  args.type == DType::kF32 ? LossRowsOf<float>(args, begin, end) : LossRowsOf<bf16_t>(args, begin, end);
}

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm {

HWY_EXPORT(LossRows);

void CrossEntropyKernel(const CrossEntropyArgs& args) {
  ParallelBlocks(args.rows, RowsPerBlock(args.vocab), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(LossRows)(args, begin, end);
  });
}

}  // namespace hlm
#endif  // HWY_ONCE
