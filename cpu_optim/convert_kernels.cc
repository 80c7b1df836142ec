#include "cpu_optim/kernels.h"

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu_optim/convert_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using U32 = hn::RebindToUnsigned<F32>;
using I32 = hn::RebindToSigned<F32>;
using U16 = hn::Rebind<uint16_t, F32>;

HWY_INLINE hn::Vec<U32> LoadU16(const uint16_t* from) { return hn::PromoteTo(U32(), hn::LoadU(U16(), from)); }

// Values are below 2^16, so the saturation of DemoteTo does not act.
HWY_INLINE void StoreU16(hn::Vec<U32> v, uint16_t* to) { hn::StoreU(hn::DemoteTo(U16(), hn::BitCast(I32(), v)), U16(), to); }

HWY_INLINE hn::Mask<U32> IsNan(hn::Vec<U32> bits) {
  const auto magnitude = hn::BitCast(I32(), hn::And(bits, hn::Set(U32(), 0x7fffffffu)));  // non-negative: signed order is right
  return hn::RebindMask(U32(), hn::Gt(magnitude, hn::Set(I32(), 0x7f800000)));
}

void WidenBf16(const bf16_t* HWY_RESTRICT from, int64_t n, float* HWY_RESTRICT to) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::BitCast(F32(), hn::ShiftLeft<16>(LoadU16(from + i))), F32(), to + i);
  for (; i < n; ++i) to[i] = Bf16ToFloat(from[i]);
}

void WidenScaledBf16(const bf16_t* HWY_RESTRICT from, int64_t n, float scale, float* HWY_RESTRICT to) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  const auto scales = hn::Set(F32(), scale);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::Mul(hn::BitCast(F32(), hn::ShiftLeft<16>(LoadU16(from + i))), scales), F32(), to + i);
  }
  for (; i < n; ++i) to[i] = Bf16ToFloat(from[i]) * scale;
}

void NarrowToBf16(const float* HWY_RESTRICT from, int64_t n, bf16_t* HWY_RESTRICT to) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  const auto half = hn::Set(U32(), 0x7fffu), one = hn::Set(U32(), 1u), quiet = hn::Set(U32(), 0x40u);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto bits = hn::BitCast(U32(), hn::LoadU(F32(), from + i));
    const auto upper = hn::ShiftRight<16>(bits);
    const auto nearest = hn::ShiftRight<16>(hn::Add(hn::Add(bits, half), hn::And(upper, one)));
    StoreU16(hn::IfThenElse(IsNan(bits), hn::Or(upper, quiet), nearest), to + i);
  }
  for (; i < n; ++i) to[i] = FloatToBf16(from[i]);
}

void SplitMasters(const float* HWY_RESTRICT weight, int64_t n, bf16_t* HWY_RESTRICT hi, uint16_t* HWY_RESTRICT lo) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  const auto low_half = hn::Set(U32(), 0xffffu), canonical_nan = hn::Set(U32(), 0x7fc00000u);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto raw = hn::BitCast(U32(), hn::LoadU(F32(), weight + i));
    const auto bits = hn::IfThenElse(IsNan(raw), canonical_nan, raw);
    const auto lower = hn::And(bits, low_half);
    StoreU16(hn::Add(hn::ShiftRight<16>(bits), hn::ShiftRight<15>(lower)), hi + i);
    StoreU16(lower, lo + i);
  }
  for (; i < n; ++i) {
    const SplitWeight split = SplitMaster(weight[i]);
    hi[i] = split.hi;
    lo[i] = split.lo;
  }
}

void JoinMasters(const bf16_t* HWY_RESTRICT hi, const uint16_t* HWY_RESTRICT lo, int64_t n, float* HWY_RESTRICT weight) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto lower = LoadU16(lo + i);
    const auto upper = hn::Sub(LoadU16(hi + i), hn::ShiftRight<15>(lower));  // the shift drops a borrow beyond 16 bits
    hn::StoreU(hn::BitCast(F32(), hn::Or(hn::ShiftLeft<16>(upper), lower)), F32(), weight + i);
  }
  for (; i < n; ++i) weight[i] = JoinMaster(hi[i], lo[i]);
}

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm::kernels {

HWY_EXPORT(WidenBf16);
HWY_EXPORT(WidenScaledBf16);
HWY_EXPORT(NarrowToBf16);
HWY_EXPORT(SplitMasters);
HWY_EXPORT(JoinMasters);

void WidenBf16(const bf16_t* from, int64_t n, float* to) { HWY_DYNAMIC_DISPATCH(WidenBf16)(from, n, to); }
void WidenScaledBf16(const bf16_t* from, int64_t n, float scale, float* to) {
  HWY_DYNAMIC_DISPATCH(WidenScaledBf16)(from, n, scale, to);
}
void NarrowToBf16(const float* from, int64_t n, bf16_t* to) { HWY_DYNAMIC_DISPATCH(NarrowToBf16)(from, n, to); }
void SplitMasters(const float* weight, int64_t n, bf16_t* hi, uint16_t* lo) {
  HWY_DYNAMIC_DISPATCH(SplitMasters)(weight, n, hi, lo);
}
void JoinMasters(const bf16_t* hi, const uint16_t* lo, int64_t n, float* weight) {
  HWY_DYNAMIC_DISPATCH(JoinMasters)(hi, lo, n, weight);
}

}  // namespace hlm::kernels
#endif
