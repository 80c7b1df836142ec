// RMS norm of one row, forward and backward: shared by the norm of hidden states and that of query and key heads.
#if defined(HORIZON_LM_CORE_CPU_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HORIZON_LM_CORE_CPU_NORM_INL_H_
#undef HORIZON_LM_CORE_CPU_NORM_INL_H_
#else
#define HORIZON_LM_CORE_CPU_NORM_INL_H_
#endif

#include <cmath>

#include "core/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm {
namespace HWY_NAMESPACE {

// y = round(round(x * rstd) * w), rounded to T both times, stored as Y; returns rstd.
template <class T, class Y>
HWY_INLINE float NormRow(const T* x, const T* w, int64_t width, float epsilon, Y* y) {
  Floats even = Zero(), odd = Zero();
  const int64_t pair = 2 * Lanes();
  int64_t k = 0;
  for (; k + pair <= width; k += pair) {
    const Floats a = Load(x + k), b = Load(x + k + Lanes());
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  ForLanes(
      width - k, HLM_LANES {
        const Floats a = Load(x + k + i, n);
        even = hn::MulAdd(a, a, even);
      });
  const double mean = static_cast<double>(Sum(hn::Add(even, odd))) / static_cast<double>(width);
  const float rstd = static_cast<float>(1.0 / std::sqrt(mean + static_cast<double>(epsilon)));
  const Floats scale = Set(rstd);
  ForLanes(
      width, HLM_LANES {
        const Floats normed = RoundTo<T>(hn::Mul(Load(x + i, n), scale));
        Store(RoundTo<T>(hn::Mul(normed, Load(w + i, n))), y + i, n);
      });
  return rstd;
}

// dw[c] += dy * x * rstd; returns rstd^3 / width * sum(dy * w * x), the slope of what the row's scale takes from dx.
template <class T, class G>
HWY_INLINE float NormBackwardSums(const T* x, const G* dy, const T* w, int64_t width, float rstd, float* dw) {
  Floats sum = Zero();
  const Floats scale = Set(rstd);
  ForLanes(
      width, HLM_LANES {
        const Floats product = hn::Mul(Load(dy + i, n), Load(x + i, n));
        sum = hn::MulAdd(product, Load(w + i, n), sum);
        Store(hn::MulAdd(product, scale, Load(dw + i, n)), dw + i, n);
      });
  const double r = rstd;
  return static_cast<float>(r * r * r / static_cast<double>(width) * static_cast<double>(Sum(sum)));
}

// dx = (residual or 0) + rstd * dy * w - slope * x. dx may be dy or residual.
template <class T, class G>
HWY_INLINE void NormBackwardRow(const T* x, const G* dy, const T* w, int64_t width, float rstd, float slope, const T* residual,
                                T* dx) {
  const Floats scale = Set(rstd), fall = Set(slope);
  ForLanes(
      width, HLM_LANES {
        Floats d = hn::Mul(hn::Mul(Load(dy + i, n), Load(w + i, n)), scale);
        d = hn::NegMulAdd(fall, Load(x + i, n), d);
        if (residual != nullptr) d = hn::Add(d, Load(residual + i, n));
        Store(d, dx + i, n);
      });
}

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#endif  // HORIZON_LM_CORE_CPU_NORM_INL_H_
