// The loop of the fused update, over any algorithm, master, state type and gradient. Included once a target by update_*_kernels.cc.
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
#include "cpu_optim/update_random.h"
#include "cpu_optim/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

using Floats = hn::Vec<F32>;
using Words = hn::Vec<U32>;

HWY_INLINE Floats Canonical(Floats x) {
  return hn::IfThenElse(hn::IsNaN(x), hn::BitCast(F32(), hn::Set(U32(), 0x7fc00000u)), x);
}

// MixRandom for the lanes of a block, vector after vector.
class RandomLanes {
 public:
  HWY_INLINE RandomLanes(uint32_t start, uint32_t key)
      : counters_(hn::Add(hn::Set(U32(), start), hn::Mul(hn::Iota(U32(), 0), hn::Set(U32(), kRandomStride)))), key_(hn::Set(U32(), key)) {}
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
  HWY_INLINE void Store(Floats w, int64_t i, Words random) const { StoreU16(RoundVector(Canonical(w), random), hi + i); }
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
  static HWY_INLINE Floats Load(const void* moment, int64_t i) { return LoadFloats(F32(), static_cast<const bf16_t*>(moment) + i); }
  static HWY_INLINE void Store(Floats x, void* moment, int64_t i, Words random) {
    StoreU16(RoundVector(Canonical(x), random), static_cast<bf16_t*>(moment) + i);
  }
};

// ---- 8-bit moments: the code of cpu_optim/moment_code.h on vectors.

struct StatesInt8 {};
using I8 = hn::Rebind<int8_t, I32>;
using U8 = hn::Rebind<uint8_t, I32>;

HWY_INLINE Floats FirstMagnitudes(hn::Vec<I32> codes, Floats scale) {
  const auto u = hn::Mul(hn::ConvertTo(F32(), codes), hn::Set(F32(), kFirstStep));
  return hn::Mul(hn::Mul(u, u), scale);
}
HWY_INLINE Floats SecondMagnitudes(hn::Vec<I32> codes, Floats scale) {
  const auto u = hn::Mul(hn::ConvertTo(F32(), codes), hn::Set(F32(), kSecondStep)), square = hn::Mul(u, u);
  return hn::Mul(hn::Mul(square, square), scale);
}
HWY_INLINE Floats LoadFirst(const int8_t* from, Floats scale) {
  const auto codes = hn::PromoteTo(I32(), hn::LoadU(I8(), from));
  const auto u = hn::Mul(hn::ConvertTo(F32(), codes), hn::Set(F32(), kFirstStep));
  return hn::Mul(hn::Mul(u, hn::Abs(u)), scale);
}
HWY_INLINE Floats LoadSecond(const uint8_t* from, Floats scale) {
  return SecondMagnitudes(hn::PromoteTo(I32(), hn::LoadU(U8(), from)), scale);
}

// 16 random bits as a fraction of 1.
HWY_INLINE Floats Threshold(Words random) {
  return hn::Mul(hn::ConvertTo(F32(), hn::BitCast(I32(), random)), hn::Set(F32(), 0x1p-16f));
}
// 1 where the value lies beyond the threshold between low and high, else 0.
HWY_INLINE hn::Vec<I32> StepUp(Floats x, Floats low, Floats high, Words random) {
  const auto border = hn::Add(low, hn::Mul(Threshold(random), hn::Sub(high, low)));
  return hn::IfThenElseZero(hn::RebindMask(I32(), hn::Gt(x, border)), hn::Set(I32(), 1));
}

class Int8Block {  // the new moments of one block, before their scale is known
 public:
  HWY_INLINE Int8Block() : largest_(hn::Zero(I32())) {}
  // The largest magnitude so far, as bits: signed integers order what is not negative, and put NaNs last.
  HWY_INLINE void Put(Floats x, int64_t i) {
    hn::Store(x, F32(), values_ + i);
    const auto magnitude = hn::And(hn::BitCast(I32(), x), hn::Set(I32(), 0x7fffffff));
    largest_ = hn::Max(largest_, magnitude);
  }
  template <int64_t kShift, class Encode, class Tag>
  HWY_INLINE void Store(float least, const BlockRandomKey& key, hn::TFromD<Tag>* codes, float* scale, Tag tag, const Encode& encode) {
    alignas(64) int32_t lanes[hn::MaxLanes(I32())];
    hn::Store(largest_, I32(), lanes);
    int32_t largest = 0;
    for (size_t k = 0; k < hn::Lanes(I32()); ++k) largest = lanes[k] > largest ? lanes[k] : largest;
    const int64_t step = static_cast<int64_t>(hn::Lanes(F32()));
    *scale = StoredScale(__builtin_bit_cast(float, largest), least);
    if (!(*scale > 0)) {  // nothing but zeros, or something that is not finite
      for (int64_t i = 0; i < kStateBlock; i += step) hn::StoreU(hn::Zero(tag), tag, codes + i);
      return;
    }
    const auto scales = hn::Set(F32(), *scale), inverse = hn::Set(F32(), 1.0f / *scale);
    RandomLanes random(key[0], key[1]);
    for (int64_t i = 0; i < kStateBlock; i += step) {
      const auto bits = random.Next();
      const auto code = encode(hn::Load(F32(), values_ + i), scales, inverse, kShift == 0 ? Lower(bits) : hn::ShiftRight<16>(bits));
      hn::StoreU(hn::DemoteTo(tag, code), tag, codes + i);
    }
  }

 private:
  alignas(64) float values_[kStateBlock];
  hn::Vec<I32> largest_;
};

struct EncodeFirsts {
  HWY_INLINE hn::Vec<I32> operator()(Floats x, Floats scale, Floats inverse, Words random) const {
    const auto a = hn::Abs(x);
    const auto root = hn::Mul(hn::Sqrt(hn::Mul(a, inverse)), hn::Set(F32(), 127.0f));
    const auto below = hn::Min(hn::ConvertTo(I32(), root), hn::Set(I32(), 126));
    const auto low = FirstMagnitudes(below, scale), high = FirstMagnitudes(hn::Add(below, hn::Set(I32(), 1)), scale);
    const auto code = hn::Add(below, StepUp(a, low, high, random));
    const auto sign = hn::ShiftRight<31>(hn::BitCast(I32(), x));  // -1 or 0
    return hn::Sub(hn::Xor(code, sign), sign);
  }
};
struct EncodeSeconds {
  HWY_INLINE hn::Vec<I32> operator()(Floats x, Floats scale, Floats inverse, Words random) const {
    const auto root = hn::Mul(hn::Sqrt(hn::Sqrt(hn::Mul(x, inverse))), hn::Set(F32(), 255.0f));
    const auto below = hn::Min(hn::ConvertTo(I32(), root), hn::Set(I32(), 254));
    const auto low = SecondMagnitudes(below, scale), high = SecondMagnitudes(hn::Add(below, hn::Set(I32(), 1)), scale);
    const auto least = hn::IfThenElseZero(hn::RebindMask(I32(), hn::Gt(x, hn::Zero(F32()))), hn::Set(I32(), 1));
    return hn::Max(hn::Add(below, StepUp(x, low, high, random)), least);
  }
};

// ---- The loop. Algorithm: kMoments, a constructor from UpdateScalars, and operator()(g, w, m, v), which changes w, m and v.

template <class Algorithm, class Master, class States, class Gradient>
HWY_NOINLINE void Loop(const UpdateBlocks& a) {
  constexpr bool kInt8 = std::is_same_v<States, StatesInt8>;
  const Algorithm algorithm(a.scalars);
  const Master master(a.master);
  const auto* HWY_RESTRICT gradient = static_cast<const Gradient*>(a.gradient);
  void* const HWY_RESTRICT first = a.first.values;
  void* const HWY_RESTRICT second = a.second.values;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  const auto scale = hn::Set(F32(), a.scalars.gradient_scale);
  for (int64_t block = 0; block < a.blocks; ++block) {
    const int64_t begin = block * kStateBlock, end = begin + kStateBlock;
    if constexpr (kInt8) {
      auto* const codes1 = static_cast<int8_t*>(first);
      auto* const codes2 = static_cast<uint8_t*>(second);
      const BlockRandomKey key = MakeBlockRandomKey(a.key, a.first_block + static_cast<uint64_t>(block));
      RandomLanes random(key[2], key[3]);
      Int8Block new_first, new_second;
      const auto scale1 = hn::Set(F32(), a.first.scales[block]);
      const auto scale2 = Algorithm::kMoments == 2 ? hn::Set(F32(), a.second.scales[block]) : scale1;
      for (int64_t i = begin; i < end; i += lanes) {
        const auto g = hn::Mul(LoadFloats(F32(), gradient + i), scale);
        Floats w = master.Load(i), m = LoadFirst(codes1 + i, scale1), v = m;
        if constexpr (Algorithm::kMoments == 2) v = LoadSecond(codes2 + i, scale2);
        algorithm(g, w, m, v);
        new_first.Put(m, i - begin);
        if constexpr (Algorithm::kMoments == 2) new_second.Put(v, i - begin);
        Words bits = hn::Zero(U32());
        if constexpr (Master::kRandom) bits = Lower(random.Next());
        master.Store(w, i, bits);
      }
      new_first.template Store<0>(kLeastFirstScale, key, codes1 + begin, a.first.scales + block, I8(), EncodeFirsts());
      if constexpr (Algorithm::kMoments == 2) {
        new_second.template Store<16>(kLeastSecondScale, key, codes2 + begin, a.second.scales + block, U8(), EncodeSeconds());
      }
    } else {
      BlockRandomKey key = {};
      if constexpr (Master::kRandom || States::kRandom) key = MakeBlockRandomKey(a.key, a.first_block + static_cast<uint64_t>(block));
      RandomLanes moment_random(key[0], key[1]), weight_random(key[2], key[3]);
      for (int64_t i = begin; i < end; i += lanes) {
        const auto g = hn::Mul(LoadFloats(F32(), gradient + i), scale);
        Floats w = master.Load(i), m = States::Load(first, i), v = m;
        if constexpr (Algorithm::kMoments == 2) v = States::Load(second, i);
        algorithm(g, w, m, v);
        Words bits = hn::Zero(U32()), weight_bits = bits;
        if constexpr (States::kRandom) bits = moment_random.Next();
        if constexpr (Master::kRandom) weight_bits = Lower(weight_random.Next());
        States::Store(m, first, i, Lower(bits));
        if constexpr (Algorithm::kMoments == 2) States::Store(v, second, i, hn::ShiftRight<16>(bits));
        master.Store(w, i, weight_bits);
      }
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
    case StateType::kF32: return ChooseGradient<Algorithm, Master, StatesF32>(a);
    case StateType::kBF16: return ChooseGradient<Algorithm, Master, StatesBf16>(a);
    case StateType::kInt8: return ChooseGradient<Algorithm, Master, StatesInt8>(a);
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
