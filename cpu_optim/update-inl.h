// The loop of the fused update, over any algorithm, master, state type and gradient. Included once a target by
// update_*_kernels.cc.
#if defined(HORIZON_LM_CPU_OPTIM_UPDATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HORIZON_LM_CPU_OPTIM_UPDATE_INL_H_
#undef HORIZON_LM_CPU_OPTIM_UPDATE_INL_H_
#else
#define HORIZON_LM_CPU_OPTIM_UPDATE_INL_H_
#endif

#include <cstdint>
#include <type_traits>

#include "cpu_optim/moment_code.h"
#include "cpu_optim/update_kernels.h"
#include "cpu_optim/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

using Floats = hn::Vec<F32>;

HWY_INLINE Floats Canonical(Floats x) { return hn::IfThenElse(hn::IsNaN(x), hn::BitCast(F32(), hn::Set(U32(), 0x7fc00000u)), x); }

// RoundVector for what is canonical: a finite value stays below infinity, and what is not finite is its own limit.
HWY_INLINE Words RoundCanonical(Floats x, Words random) {
  const auto bits = hn::BitCast(I32(), x);
  const auto magnitude = hn::And(bits, hn::Set(I32(), 0x7fffffff));
  const auto limit = hn::Max(magnitude, hn::Set(I32(), 0x7f7fffff));
  const auto rounded = hn::Min(hn::Add(magnitude, hn::BitCast(I32(), random)), limit);
  return hn::ShiftRight<16>(hn::BitCast(U32(), hn::Or(rounded, hn::AndNot(hn::Set(I32(), 0x7fffffff), bits))));
}

// ---- Masters: how a weight is loaded and stored.

struct MasterF32 {
  static constexpr bool kRandom = false;
  float* weight;
  HWY_INLINE explicit MasterF32(const MasterArray& a) : weight(a.weight) {}
  HWY_INLINE Floats Load(int64_t i) const { return hn::LoadU(F32(), weight + i); }
  HWY_INLINE void Store(Floats w, int64_t i, Words) const { hn::StoreU(Canonical(w), F32(), weight + i); }
};
struct MasterSplit {
  static constexpr bool kRandom = false;
  bf16_t* hi;
  uint16_t* lo;
  HWY_INLINE explicit MasterSplit(const MasterArray& a) : hi(a.hi), lo(a.lo) {}
  HWY_INLINE Floats Load(int64_t i) const { return LoadSplit(hi + i, lo + i); }
  HWY_INLINE void Store(Floats w, int64_t i, Words) const { StoreSplit(w, hi + i, lo + i); }
};
struct MasterBf16 {
  static constexpr bool kRandom = true;
  bf16_t* hi;
  HWY_INLINE explicit MasterBf16(const MasterArray& a) : hi(a.hi) {}
  HWY_INLINE Floats Load(int64_t i) const { return LoadFloats(F32(), hi + i); }
  HWY_INLINE void Store(Floats w, int64_t i, Words random) const { StoreU16(RoundCanonical(Canonical(w), random), hi + i); }
};

// ---- Moments of fp32 and bf16.

struct StatesF32 {
  static constexpr bool kRandom = false;
  static HWY_INLINE Floats Load(const void* moment, int64_t i) { return hn::LoadU(F32(), static_cast<const float*>(moment) + i); }
  static HWY_INLINE void Store(Floats x, void* moment, int64_t i, Words) {
    hn::StoreU(Canonical(x), F32(), static_cast<float*>(moment) + i);
  }
};
struct StatesBf16 {
  static constexpr bool kRandom = true;
  static HWY_INLINE Floats Load(const void* moment, int64_t i) {
    return LoadFloats(F32(), static_cast<const bf16_t*>(moment) + i);
  }
  static HWY_INLINE void Store(Floats x, void* moment, int64_t i, Words random) {
    StoreU16(RoundCanonical(Canonical(x), random), static_cast<bf16_t*>(moment) + i);
  }
};

// ---- 8-bit moments: the code of cpu_optim/moment_code.h on vectors.

struct StatesInt8 {};
using I8 = hn::Rebind<int8_t, I32>;
using U8 = hn::Rebind<uint8_t, I32>;

HWY_INLINE Floats LoadFirst(const int8_t* from, Floats scale) {
  const auto u = hn::Mul(hn::ConvertTo(F32(), hn::PromoteTo(I32(), hn::LoadU(I8(), from))), hn::Set(F32(), kFirstStep));
  return hn::Mul(hn::Mul(u, hn::Abs(u)), scale);
}
HWY_INLINE Floats LoadSecond(const uint8_t* from, Floats scale) {
  const auto u = hn::Mul(hn::ConvertTo(F32(), hn::PromoteTo(I32(), hn::LoadU(U8(), from))), hn::Set(F32(), kSecondStep));
  const auto square = hn::Mul(u, u);
  return hn::Mul(hn::Mul(square, square), scale);
}
HWY_INLINE Floats Thresholds(Words random) {
  return hn::Mul(hn::Add(hn::ConvertTo(F32(), hn::BitCast(I32(), random)), hn::Set(F32(), 0.5f)), hn::Set(F32(), 0x1p-16f));
}
// below, or one more where y lies above the border; at least `least`, at most `most`.
HWY_INLINE hn::Vec<I32> StepUp(Floats y, hn::Vec<I32> below, Floats border, int32_t most) {
  const auto up = hn::VecFromMask(I32(), hn::RebindMask(I32(), hn::Gt(y, border)));  // -1 or 0
  return hn::Min(hn::Sub(below, up), hn::Set(I32(), most));
}
HWY_INLINE hn::Vec<I32> EncodeFirsts(Floats x, Floats units, Words random) {
  const auto y = hn::Mul(hn::Abs(x), units);
  const auto below = hn::ConvertTo(I32(), hn::Sqrt(y));
  const auto b = hn::ConvertTo(F32(), below);
  const auto border = hn::Add(hn::Mul(b, b), hn::Mul(Thresholds(random), hn::Add(hn::Add(b, b), hn::Set(F32(), 1.0f))));
  const auto code = StepUp(y, below, border, 127);
  const auto sign = hn::ShiftRight<31>(hn::BitCast(I32(), x));  // -1 or 0
  return hn::Sub(hn::Xor(code, sign), sign);
}
HWY_INLINE hn::Vec<I32> EncodeSeconds(Floats x, Floats root, Floats units, Floats root_units, Words random) {
  const auto y = hn::Mul(x, units);
  const auto below = hn::ConvertTo(I32(), hn::Sqrt(hn::Mul(root, root_units)));
  const auto b = hn::ConvertTo(F32(), below);
  const auto low = hn::Mul(b, b), high = hn::Add(low, hn::Add(hn::Add(b, b), hn::Set(F32(), 1.0f)));
  const auto low2 = hn::Mul(low, low), high2 = hn::Mul(high, high);
  const auto code = StepUp(y, below, hn::Add(low2, hn::Mul(Thresholds(random), hn::Sub(high2, low2))), 255);
  const auto above_zero = hn::VecFromMask(I32(), hn::RebindMask(I32(), hn::Gt(x, hn::Zero(F32()))));
  return hn::Max(code, hn::And(above_zero, hn::Set(I32(), 1)));
}

// The largest magnitude of many values, as bits: signed integers order what is not negative, and put NaNs last.
class Largest {
 public:
  HWY_INLINE Largest() : bits_(hn::Zero(I32())) {}
  HWY_INLINE void Add(Floats x) { bits_ = hn::Max(bits_, hn::And(hn::BitCast(I32(), x), hn::Set(I32(), 0x7fffffff))); }
  HWY_INLINE float Get() const {
    alignas(64) int32_t lanes[hn::MaxLanes(I32())];
    hn::Store(bits_, I32(), lanes);
    int32_t largest = 0;
    for (size_t k = 0; k < hn::Lanes(I32()); ++k) largest = lanes[k] > largest ? lanes[k] : largest;
    return __builtin_bit_cast(float, largest);
  }

 private:
  hn::Vec<I32> bits_;
};

// A scale that is 0 (nothing but zeros) or NaN (something not finite) makes all codes 0.
template <class Tag>
HWY_INLINE void StoreZeros(Tag tag, hn::TFromD<Tag>* codes) {
  for (int64_t i = 0; i < kStateBlock; i += static_cast<int64_t>(hn::Lanes(tag))) hn::StoreU(hn::Zero(tag), tag, codes + i);
}

// ---- The loops. Algorithm: kMoments, a constructor from UpdateScalars, and operator()(g, w, m, v), which changes w, m and v and
// returns the root of the new v.

template <class Algorithm, class Master, class Gradient>
HWY_INLINE void UpdateInt8Block(const Algorithm& algorithm, const Master& master, const UpdateBlocks& a, int64_t block,
                                const Gradient* HWY_RESTRICT gradient, Floats gradient_scale) {
  constexpr bool kTwo = Algorithm::kMoments == 2;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32())), begin = block * kStateBlock;
  auto* const HWY_RESTRICT first = static_cast<int8_t*>(a.first.values) + begin;
  auto* const HWY_RESTRICT second = kTwo ? static_cast<uint8_t*>(a.second.values) + begin : nullptr;
  alignas(64) float firsts[kStateBlock], seconds[kStateBlock], roots[kStateBlock];  // new moments, before their scale is known
  const BlockRandomKey key = MakeBlockRandomKey(a.key, a.first_block + static_cast<uint64_t>(block));
  RandomLanes weight_random(key[2], key[3]);
  Largest largest_first, largest_second;
  const auto first_scale = hn::Set(F32(), a.first.scales[block]),
             second_scale = hn::Set(F32(), kTwo ? a.second.scales[block] : 0.0f);
  for (int64_t i = 0; i < kStateBlock; i += lanes) {
    const auto g = hn::Mul(LoadFloats(F32(), gradient + begin + i), gradient_scale);
    Floats w = master.Load(begin + i), m = LoadFirst(first + i, first_scale), v = m;
    if constexpr (kTwo) v = LoadSecond(second + i, second_scale);
    const Floats root = algorithm(g, w, m, v);
    hn::Store(m, F32(), firsts + i);
    largest_first.Add(m);
    if constexpr (kTwo) {
      hn::Store(v, F32(), seconds + i);
      hn::Store(root, F32(), roots + i);
      largest_second.Add(v);
    }
    Words bits = hn::Zero(U32());
    if constexpr (Master::kRandom) bits = Lower(weight_random.Next());
    master.Store(w, begin + i, bits);
  }
  const float scale1 = StoredScale(largest_first.Get(), kLeastFirstScale);
  const float scale2 = kTwo ? StoredScale(largest_second.Get(), kLeastSecondScale) : 0.0f;
  a.first.scales[block] = scale1;
  const auto units1 = hn::Set(F32(), FirstUnits(scale1));
  if constexpr (!kTwo) {
    if (!(scale1 > 0)) return StoreZeros(I8(), first);
    RandomLanes random(key[0], key[1]);
    for (int64_t i = 0; i < kStateBlock; i += lanes) {
      hn::StoreU(hn::DemoteTo(I8(), EncodeFirsts(hn::Load(F32(), firsts + i), units1, Lower(random.Next()))), I8(), first + i);
    }
    return;
  }
  a.second.scales[block] = scale2;
  const auto units2 = hn::Set(F32(), SecondUnits(scale2)), root_units2 = hn::Set(F32(), SecondRootUnits(scale2));
  RandomLanes random(key[0], key[1]);
  const bool some1 = scale1 > 0, some2 = scale2 > 0;
  if (some1 && some2) {  // one loop: the square roots of both overlap
    for (int64_t i = 0; i < kStateBlock; i += lanes) {
      const auto bits = random.Next();
      const auto code1 = EncodeFirsts(hn::Load(F32(), firsts + i), units1, Lower(bits));
      const auto code2 =
          EncodeSeconds(hn::Load(F32(), seconds + i), hn::Load(F32(), roots + i), units2, root_units2, hn::ShiftRight<16>(bits));
      hn::StoreU(hn::DemoteTo(I8(), code1), I8(), first + i);
      hn::StoreU(hn::DemoteTo(U8(), code2), U8(), second + i);
    }
    return;
  }
  for (int64_t i = 0; i < kStateBlock; i += lanes) {
    const auto bits = random.Next();
    if (some1) hn::StoreU(hn::DemoteTo(I8(), EncodeFirsts(hn::Load(F32(), firsts + i), units1, Lower(bits))), I8(), first + i);
    if (some2) {
      const auto code2 =
          EncodeSeconds(hn::Load(F32(), seconds + i), hn::Load(F32(), roots + i), units2, root_units2, hn::ShiftRight<16>(bits));
      hn::StoreU(hn::DemoteTo(U8(), code2), U8(), second + i);
    }
  }
  if (!some1) StoreZeros(I8(), first);
  if (!some2) StoreZeros(U8(), second);
}

template <class Algorithm, class Master, class States, class Gradient>
HWY_INLINE void UpdateBlock(const Algorithm& algorithm, const Master& master, const UpdateBlocks& a, int64_t block,
                            const Gradient* HWY_RESTRICT gradient, Floats gradient_scale) {
  constexpr bool kTwo = Algorithm::kMoments == 2;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32())), begin = block * kStateBlock;
  BlockRandomKey key = {};
  if constexpr (Master::kRandom || States::kRandom) key = MakeBlockRandomKey(a.key, a.first_block + static_cast<uint64_t>(block));
  RandomLanes moment_random(key[0], key[1]), weight_random(key[2], key[3]);
  for (int64_t i = begin; i < begin + kStateBlock; i += lanes) {
    const auto g = hn::Mul(LoadFloats(F32(), gradient + i), gradient_scale);
    Floats w = master.Load(i), m = States::Load(a.first.values, i), v = m;
    if constexpr (kTwo) v = States::Load(a.second.values, i);
    algorithm(g, w, m, v);
    Words bits = hn::Zero(U32()), weight_bits = bits;
    if constexpr (States::kRandom) bits = moment_random.Next();
    if constexpr (Master::kRandom) weight_bits = Lower(weight_random.Next());
    States::Store(m, a.first.values, i, Lower(bits));
    if constexpr (kTwo) States::Store(v, a.second.values, i, hn::ShiftRight<16>(bits));
    master.Store(w, i, weight_bits);
  }
}

template <class Algorithm, class Master, class States, class Gradient>
HWY_NOINLINE void Loop(const UpdateBlocks& given) {
  const UpdateBlocks a = given;  // a copy that no store can change
  const Algorithm algorithm(a.scalars);
  const Master master(a.master);
  const auto* const gradient = static_cast<const Gradient*>(a.gradient);
  const auto scale = hn::Set(F32(), a.scalars.gradient_scale);
  for (int64_t block = 0; block < a.blocks; ++block) {
    if constexpr (std::is_same_v<States, StatesInt8>) {
      UpdateInt8Block(algorithm, master, a, block, gradient, scale);
    } else {
      UpdateBlock<Algorithm, Master, States>(algorithm, master, a, block, gradient, scale);
    }
  }
}

template <class Algorithm, class Master, class States>
HWY_INLINE void ChooseGradient(const UpdateBlocks& a) {
  a.gradient_type == DType::kF32 ? Loop<Algorithm, Master, States, float>(a) : Loop<Algorithm, Master, States, bf16_t>(a);
}
template <class Algorithm, class Master>
HWY_INLINE void ChooseStates(const UpdateBlocks& a) {
  switch (a.states) {
    case StateType::kF32:
      return ChooseGradient<Algorithm, Master, StatesF32>(a);
    case StateType::kBF16:
      return ChooseGradient<Algorithm, Master, StatesBf16>(a);
    case StateType::kInt8:
      return ChooseGradient<Algorithm, Master, StatesInt8>(a);
  }
}
template <class Algorithm>
HWY_INLINE void ChooseLoop(const UpdateBlocks& a) {
  if (a.master.weight != nullptr) return ChooseStates<Algorithm, MasterF32>(a);
  if (a.master.lo != nullptr) return ChooseStates<Algorithm, MasterSplit>(a);
  return ChooseStates<Algorithm, MasterBf16>(a);
}

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
