#include "cpu_optim/kernels.h"
#include "cpu_optim/optimizer.h"
#include "cpu_optim/stochastic_rounding.h"

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu_optim/sum_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "cpu_optim/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

HWY_INLINE float LoadFloat(const float* from) { return *from; }
HWY_INLINE float LoadFloat(const bf16_t* from) { return Bf16ToFloat(*from); }

template <class T>
HWY_INLINE void Add(const T* HWY_RESTRICT gradient, int64_t n, float* HWY_RESTRICT sum) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(F32(), sum + i), LoadFloats(F32(), gradient + i)), F32(), sum + i);
  }
  for (; i < n; ++i) sum[i] += LoadFloat(gradient + i);
}

void AddF32(const float* gradient, int64_t n, float* sum) { Add(gradient, n, sum); }
void AddBf16(const bf16_t* gradient, int64_t n, float* sum) { Add(gradient, n, sum); }

#if HWY_TARGET == HWY_SCALAR

HWY_INLINE void RandomBlocks(uint64_t key, uint64_t first_block, int64_t blocks, uint64_t* HWY_RESTRICT out) {
  for (int64_t b = 0; b < blocks; ++b) {
    const std::array<uint32_t, 4> words = Philox(key, first_block + static_cast<uint64_t>(b), 0);
    *out++ = words[0] | uint64_t{words[1]} << 32;
    *out++ = words[2] | uint64_t{words[3]} << 32;
  }
}

#else

using U64 = hn::RepartitionToWide<U32>;

// Philox4x32-10 as in core/base/random.cc with counters first_block, first_block + 1, ...: one block in each 64-bit lane of two
// vectors, whose chains of products run side by side. The product of two 32-bit words fills such a lane, and the next round's
// product reads the lower half only; so the upper halves may hold anything between, and the low word of a product needs no
// instruction. Writes whole vectors of blocks: up to 2 * Lanes - 1 blocks more than asked.
HWY_INLINE void RandomBlocks(uint64_t key, uint64_t first_block, int64_t blocks, uint64_t* HWY_RESTRICT out) {
  constexpr uint32_t kRounds = 10;
  const U64 d;
  const U32 d32;
  using V = hn::Vec<U64>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto factor0 = hn::Set(d32, 0xD2511F53u), factor1 = hn::Set(d32, 0xCD9E8D57u);
  const auto round = [&](V& c0, V& c1, V& c2, V& c3, V k0, V k1) HWY_ATTR {
    const V product0 = hn::MulEven(hn::BitCast(d32, c0), factor0), product1 = hn::MulEven(hn::BitCast(d32, c2), factor1);
    c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product1), c1), k0);
    c1 = product1;
    c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product0), c3), k1);
    c3 = product0;
  };
  const auto low_half = hn::Set(d, 0xffffffffu);
  const auto store = [&](V c0, V c1, V c2, V c3, uint64_t* to) HWY_ATTR {
    const V words01 = hn::Or(hn::And(c0, low_half), hn::ShiftLeft<32>(c1));
    const V words23 = hn::Or(hn::And(c2, low_half), hn::ShiftLeft<32>(c3));
    hn::StoreInterleaved2(words01, words23, d, to);
  };
  V keys0[kRounds], keys1[kRounds];
  for (uint32_t i = 0; i < kRounds; ++i) {
    keys0[i] = hn::Set(d, static_cast<uint32_t>(key) + i * 0x9E3779B9u);
    keys1[i] = hn::Set(d, static_cast<uint32_t>(key >> 32) + i * 0xBB67AE85u);
  }
  const auto step = hn::Set(d, static_cast<uint64_t>(lanes));
  V counters = hn::Iota(d, first_block);
  for (int64_t b = 0; b < blocks; b += 2 * lanes) {
    V a0 = counters, b0 = hn::Add(a0, step);
    counters = hn::Add(b0, step);
    V a1 = hn::ShiftRight<32>(a0), b1 = hn::ShiftRight<32>(b0);
    V a2 = hn::Zero(d), a3 = a2, b2 = a2, b3 = a2;
#pragma GCC unroll 10
    for (uint32_t i = 0; i < kRounds; ++i) {
      round(a0, a1, a2, a3, keys0[i], keys1[i]);
      round(b0, b1, b2, b3, keys0[i], keys1[i]);
    }
    store(a0, a1, a2, a3, out + 2 * b);
    store(b0, b1, b2, b3, out + 2 * (b + lanes));
  }
}

#endif  // HWY_TARGET == HWY_SCALAR

template <class T>
HWY_INLINE void AddStochastic(const T* HWY_RESTRICT gradient, int64_t n, uint64_t key, uint64_t first_index,
                              bf16_t* HWY_RESTRICT sum) {
  constexpr int64_t kSlack = 16;  // blocks beyond the last that RandomBlocks may write
  static_assert(hn::MaxLanes(F32()) <= kSlack);
  alignas(64) uint64_t random_words[2 * (kNormChunk / 8 + 1 + kSlack)];  // one more where the first element is inside a block
  const uint64_t first_block = first_index / 8;
  const int64_t start = static_cast<int64_t>(first_index % 8);
  RandomBlocks(key, first_block, (start + n + 7) / 8, random_words);
  alignas(64) uint16_t random[sizeof random_words / 2];
  __builtin_memcpy(random, random_words, static_cast<size_t>((start + n + 7) / 8 * 16));

  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto total = hn::Add(LoadFloats(F32(), sum + i), LoadFloats(F32(), gradient + i));
    const auto rounded = RoundVector(total, LoadU16(random + start + i));
    StoreU16(rounded, sum + i);
  }
  for (; i < n; ++i) sum[i] = RoundStochastically(Bf16ToFloat(sum[i]) + LoadFloat(gradient + i), random[start + i]);
}

void AddStochasticF32(const float* gradient, int64_t n, uint64_t key, uint64_t first_index, bf16_t* sum) {
  AddStochastic(gradient, n, key, first_index, sum);
}
void AddStochasticBf16(const bf16_t* gradient, int64_t n, uint64_t key, uint64_t first_index, bf16_t* sum) {
  AddStochastic(gradient, n, key, first_index, sum);
}

constexpr int64_t kNormLanes = 16;

template <class T>
HWY_INLINE double SquaredNorm(const T* HWY_RESTRICT x, int64_t n) {
  const hn::CappedTag<double, kNormLanes> d;
  const hn::Rebind<float, decltype(d)> narrow;
  constexpr int64_t kLanes = hn::MaxLanes(d);
  constexpr int64_t kVectors = kNormLanes / kLanes;
  hn::Vec<decltype(d)> sums[kVectors];
  for (auto& sum : sums) sum = hn::Zero(d);

  const auto add_block = [&](const T* block) HWY_ATTR {
#pragma GCC unroll 16  // or the sums would live in memory
    for (int64_t k = 0; k < kVectors; ++k) {
      const auto wide = hn::PromoteTo(d, LoadFloats(narrow, block + k * kLanes));
      sums[k] = hn::MulAdd(wide, wide, sums[k]);
    }
  };
  int64_t i = 0;
  for (; i + kNormLanes <= n; i += kNormLanes) add_block(x + i);
  if (i < n) {
    T rest[kNormLanes] = {};
    for (int64_t k = 0; i + k < n; ++k) rest[k] = x[i + k];
    add_block(rest);
  }

  double lanes[kNormLanes];
  for (int64_t k = 0; k < kVectors; ++k) hn::StoreU(sums[k], d, lanes + k * kLanes);
  for (int64_t half = kNormLanes / 2; half > 0; half /= 2) {
    for (int64_t k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  }
  return lanes[0];
}

double SquaredNormF32(const float* x, int64_t n) { return SquaredNorm(x, n); }
double SquaredNormBf16(const bf16_t* x, int64_t n) { return SquaredNorm(x, n); }

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm::kernels {

HWY_EXPORT(AddF32);
HWY_EXPORT(AddBf16);
HWY_EXPORT(AddStochasticF32);
HWY_EXPORT(AddStochasticBf16);
HWY_EXPORT(SquaredNormF32);
HWY_EXPORT(SquaredNormBf16);

void AddF32(const float* gradient, int64_t n, float* sum) { HWY_DYNAMIC_DISPATCH(AddF32)(gradient, n, sum); }
void AddBf16(const bf16_t* gradient, int64_t n, float* sum) { HWY_DYNAMIC_DISPATCH(AddBf16)(gradient, n, sum); }
void AddStochasticF32(const float* gradient, int64_t n, uint64_t key, uint64_t first_index, bf16_t* sum) {
  HWY_DYNAMIC_DISPATCH(AddStochasticF32)(gradient, n, key, first_index, sum);
}
void AddStochasticBf16(const bf16_t* gradient, int64_t n, uint64_t key, uint64_t first_index, bf16_t* sum) {
  HWY_DYNAMIC_DISPATCH(AddStochasticBf16)(gradient, n, key, first_index, sum);
}
double SquaredNormF32(const float* x, int64_t n) { return HWY_DYNAMIC_DISPATCH(SquaredNormF32)(x, n); }
double SquaredNormBf16(const bf16_t* x, int64_t n) { return HWY_DYNAMIC_DISPATCH(SquaredNormBf16)(x, n); }

}  // namespace hlm::kernels
#endif
