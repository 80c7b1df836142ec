// Vectors of floats over memory of float or bf16, whole or in part. Included once a target by each kernel file, inside Highway's
// foreach_target scheme, so it has a guard that toggles instead of an ordinary one.
#if defined(HORIZON_LM_CORE_CPU_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HORIZON_LM_CORE_CPU_SIMD_INL_H_
#undef HORIZON_LM_CORE_CPU_SIMD_INL_H_
#else
#define HORIZON_LM_CORE_CPU_SIMD_INL_H_
#endif

#include <cstdint>
#include <cstring>

#include "core/base/dtype.h"
#include "hwy/highway.h"

// A lambda that is compiled for the target and inlined into the loop that calls it.
#define HLM_LANES [&](int64_t i, int64_t n) __attribute__((always_inline)) HWY_ATTR

HWY_BEFORE_NAMESPACE();
namespace hlm {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using FloatTag = hn::ScalableTag<float>;
using Floats = hn::Vec<FloatTag>;
using Bf16Tag = hn::Rebind<uint16_t, FloatTag>;

constexpr FloatTag kFloats;

HWY_INLINE int64_t Lanes() { return static_cast<int64_t>(hn::Lanes(kFloats)); }
HWY_INLINE Floats Set(float x) { return hn::Set(kFloats, x); }
HWY_INLINE Floats Zero() { return hn::Zero(kFloats); }

HWY_INLINE Floats Widen(hn::Vec<Bf16Tag> x) {
  const hn::RebindToUnsigned<FloatTag> u32;
  return hn::BitCast(kFloats, hn::ShiftLeft<16>(hn::PromoteTo(u32, x)));
}

// Nearest, ties to even; a NaN stays a NaN: as FloatToBf16.
HWY_INLINE hn::Vec<hn::RebindToUnsigned<FloatTag>> UpperRounded(Floats x) {
  const hn::RebindToUnsigned<FloatTag> u32;
  const auto bits = hn::BitCast(u32, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u32, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(u32, 0x7fff)), odd));
  const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(u32, 0x40));
  return hn::IfThenElse(hn::RebindMask(u32, hn::IsNaN(x)), quiet, rounded);
}

HWY_INLINE hn::Vec<Bf16Tag> Narrow(Floats x) {
  const hn::RebindToSigned<FloatTag> i32;
  return hn::DemoteTo(Bf16Tag(), hn::BitCast(i32, UpperRounded(x)));  // each value is below 2^16: nothing saturates
}

HWY_INLINE Floats Load(const float* p) { return hn::LoadU(kFloats, p); }
HWY_INLINE Floats Load(const bf16_t* p) { return Widen(hn::LoadU(Bf16Tag(), p)); }
HWY_INLINE void Store(Floats x, float* p) { hn::StoreU(x, kFloats, p); }
HWY_INLINE void Store(Floats x, bf16_t* p) { hn::StoreU(Narrow(x), Bf16Tag(), p); }

// The first n lanes; the others are read as `rest` and not written.
template <class T>
HWY_INLINE Floats Load(const T* p, int64_t n, T rest = T{0}) {
  if (n == Lanes()) return Load(p);
  HWY_ALIGN T part[HWY_MAX_BYTES / sizeof(float)];
  for (int64_t i = 0; i < Lanes(); ++i) part[i] = i < n ? p[i] : rest;
  return Load(static_cast<const T*>(part));
}
template <class T>
HWY_INLINE void Store(Floats x, T* p, int64_t n) {
  if (n == Lanes()) return Store(x, p);
  HWY_ALIGN T part[HWY_MAX_BYTES / sizeof(float)];
  Store(x, static_cast<T*>(part));
  std::memcpy(p, part, static_cast<size_t>(n) * sizeof(T));
}

// The value as it would be read back after being stored as T.
template <class T>
HWY_INLINE Floats RoundTo(Floats x) {
  if constexpr (sizeof(T) == 4) {
    return x;
  } else {
    return hn::BitCast(kFloats, hn::ShiftLeft<16>(UpperRounded(x)));
  }
}

// body(i, n) for the vectors of [0, count): n is the number of lanes but for a last part.
template <class Body>
HWY_INLINE void ForLanes(int64_t count, const Body& body) {
  int64_t i = 0;
  for (; i + Lanes() <= count; i += Lanes()) body(i, Lanes());
  if (i < count) body(i, count - i);
}

HWY_INLINE float Sum(Floats x) { return hn::GetLane(hn::SumOfLanes(kFloats, x)); }

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#endif  // HORIZON_LM_CORE_CPU_SIMD_INL_H_
