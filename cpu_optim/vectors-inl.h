// Vectors of floats over memory of fp32, bf16 and the exact split, for the kernels of this folder. Included once a target by each
// of them, inside Highway's foreach_target scheme, so it has a guard that toggles instead of an ordinary one.
#if defined(HORIZON_LM_CPU_OPTIM_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HORIZON_LM_CPU_OPTIM_VECTORS_INL_H_
#undef HORIZON_LM_CPU_OPTIM_VECTORS_INL_H_
#else
#define HORIZON_LM_CPU_OPTIM_VECTORS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "core/base/dtype.h"
#include "cpu_optim/update_random.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using U32 = hn::RebindToUnsigned<F32>;
using I32 = hn::RebindToSigned<F32>;
using U16 = hn::Rebind<uint16_t, F32>;  // half a vector
using Words = hn::Vec<U32>;

// As many floats as `d` has lanes, from either storage type.
template <class D>
HWY_INLINE hn::Vec<D> LoadFloats(D d, const float* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE hn::Vec<D> LoadFloats(D d, const bf16_t* from) {
  const hn::RebindToUnsigned<D> bits;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(bits, hn::LoadU(hn::Rebind<uint16_t, D>(), from))));
}

HWY_INLINE hn::Vec<U32> LoadU16(const uint16_t* from) { return hn::PromoteTo(U32(), hn::LoadU(U16(), from)); }

// Values are below 2^16, so the saturation of DemoteTo does not act.
HWY_INLINE void StoreU16(hn::Vec<U32> v, uint16_t* to) { hn::StoreU(hn::DemoteTo(U16(), hn::BitCast(I32(), v)), U16(), to); }

HWY_INLINE hn::Mask<U32> IsNan(hn::Vec<U32> bits) {
  const auto magnitude = hn::BitCast(I32(), hn::And(bits, hn::Set(U32(), 0x7fffffffu)));  // non-negative: signed order is right
  return hn::RebindMask(U32(), hn::Gt(magnitude, hn::Set(I32(), 0x7f800000)));
}

// The exact split and back: SplitMaster and JoinMaster of core/base/dtype.h.
HWY_INLINE void StoreSplit(hn::Vec<F32> x, bf16_t* hi, uint16_t* lo) {
  const auto raw = hn::BitCast(U32(), x);
  const auto bits = hn::IfThenElse(IsNan(raw), hn::Set(U32(), 0x7fc00000u), raw);
  const auto lower = hn::And(bits, hn::Set(U32(), 0xffffu));
  StoreU16(hn::Add(hn::ShiftRight<16>(bits), hn::ShiftRight<15>(lower)), hi);
  StoreU16(lower, lo);
}
HWY_INLINE hn::Vec<F32> LoadSplit(const bf16_t* hi, const uint16_t* lo) {
  const auto lower = LoadU16(lo);
  const auto upper = hn::Sub(LoadU16(hi), hn::ShiftRight<15>(lower));  // the shift drops a borrow beyond 16 bits
  return hn::BitCast(F32(), hn::Or(hn::ShiftLeft<16>(upper), lower));
}

// RoundStochastically (cpu_optim/stochastic_rounding.h) for a vector; `random` holds 16 bits a lane.
HWY_INLINE hn::Vec<U32> RoundVector(hn::Vec<F32> x, hn::Vec<U32> random) {
  const U32 d;
  const auto bits = hn::BitCast(d, x);
  const auto magnitude = hn::And(bits, hn::Set(d, 0x7fffffffu));
  const auto infinity = hn::Set(I32(), 0x7f800000);
  const auto signed_magnitude = hn::BitCast(I32(), magnitude);
  const auto is_nan = hn::RebindMask(d, hn::Gt(signed_magnitude, infinity));
  const auto is_finite = hn::RebindMask(d, hn::Lt(signed_magnitude, infinity));
  const auto limit = hn::Set(I32(), 0x7f7fffff);
  const auto rounded = hn::BitCast(d, hn::Min(hn::BitCast(I32(), hn::Add(magnitude, random)), limit));
  const auto sign = hn::AndNot(hn::Set(d, 0x7fffffffu), bits);
  const auto not_finite = hn::Or(magnitude, hn::IfThenElseZero(is_nan, hn::Set(d, 0x400000u)));
  return hn::ShiftRight<16>(hn::Or(sign, hn::IfThenElse(is_finite, rounded, not_finite)));
}

// MixRandom for the elements of a block from `place` on, vector after vector.
class RandomLanes {
 public:
  HWY_INLINE RandomLanes(uint32_t start, uint32_t key, uint32_t place = 0)
      : counters_(
            hn::Add(hn::Set(U32(), start + place * kRandomStride), hn::Mul(hn::Iota(U32(), 0), hn::Set(U32(), kRandomStride)))),
        key_(hn::Set(U32(), key)) {}
  HWY_INLINE Words Next() {
    Words x = counters_;
    counters_ = hn::Add(counters_, hn::Set(U32(), static_cast<uint32_t>(hn::Lanes(U32())) * kRandomStride));
    x = hn::Mul(hn::Xor(x, hn::ShiftRight<16>(x)), hn::Set(U32(), kRandomFactor1));
    x = hn::Mul(hn::Xor(hn::Xor(x, hn::ShiftRight<15>(x)), key_), hn::Set(U32(), kRandomFactor2));
    return hn::Xor(x, hn::ShiftRight<16>(x));
  }

 private:
  Words counters_, key_;
};
HWY_INLINE Words Lower(Words x) { return hn::And(x, hn::Set(U32(), 0xffffu)); }

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
