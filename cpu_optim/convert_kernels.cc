#include "cpu_optim/kernels.h"

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu_optim/convert_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "cpu_optim/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

void WidenBf16(const bf16_t* HWY_RESTRICT from, int64_t n, float* HWY_RESTRICT to) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(LoadFloats(F32(), from + i), F32(), to + i);
  for (; i < n; ++i) to[i] = Bf16ToFloat(from[i]);
}

void WidenScaledBf16(const bf16_t* HWY_RESTRICT from, int64_t n, float scale, float* HWY_RESTRICT to) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  const auto scales = hn::Set(F32(), scale);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::Mul(LoadFloats(F32(), from + i), scales), F32(), to + i);
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
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) StoreSplit(hn::LoadU(F32(), weight + i), hi + i, lo + i);
  for (; i < n; ++i) {
    const SplitWeight split = SplitMaster(weight[i]);
    hi[i] = split.hi;
    lo[i] = split.lo;
  }
}

void StreamF32(const float* HWY_RESTRICT from, int64_t n, float* HWY_RESTRICT to) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t i = 0;
  if (reinterpret_cast<uintptr_t>(to) % (static_cast<size_t>(lanes) * sizeof(float)) == 0) {
    for (; i + lanes <= n; i += lanes) hn::Stream(hn::LoadU(F32(), from + i), F32(), to + i);
    hwy::FlushStream();
  }
  for (; i < n; ++i) to[i] = from[i];
}

void JoinMasters(const bf16_t* HWY_RESTRICT hi, const uint16_t* HWY_RESTRICT lo, int64_t n, float* HWY_RESTRICT weight) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(LoadSplit(hi + i, lo + i), F32(), weight + i);
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
HWY_EXPORT(StreamF32);

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
void StreamF32(const float* from, int64_t n, float* to) { HWY_DYNAMIC_DISPATCH(StreamF32)(from, n, to); }

}  // namespace hlm::kernels
#endif
