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

void SumF32(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, int64_t n, float* HWY_RESTRICT sum) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Add(hn::LoadU(F32(), a + i), hn::LoadU(F32(), b + i)), F32(), sum + i);
  for (; i < n; ++i) sum[i] = a[i] + b[i];
}

void AddBf16(const bf16_t* gradient, int64_t n, float* sum) { Add(gradient, n, sum); }

template <class T>
HWY_INLINE void AddStochastic(const T* HWY_RESTRICT gradient, int64_t n, uint64_t key, uint64_t first_index,
                              bf16_t* HWY_RESTRICT sum) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  for (int64_t begin = 0; begin < n;) {  // the part of each block of random bits
    const uint64_t index = first_index + static_cast<uint64_t>(begin), place = index % kRandomBlock;
    const int64_t rest = static_cast<int64_t>(kRandomBlock - place), end = rest < n - begin ? begin + rest : n;
    const BlockRandomKey block = MakeBlockRandomKey(key, index / kRandomBlock);
    RandomLanes random(block[0], block[1], static_cast<uint32_t>(place));
    int64_t i = begin;
    for (; i + lanes <= end; i += lanes) {
      const auto total = hn::Add(LoadFloats(F32(), sum + i), LoadFloats(F32(), gradient + i));
      StoreU16(RoundVector(total, Lower(random.Next())), sum + i);
    }
    for (; i < end; ++i) {
      const uint32_t bits = MixRandom(block[0], block[1], static_cast<uint32_t>(place + static_cast<uint64_t>(i - begin)));
      sum[i] = RoundStochastically(Bf16ToFloat(sum[i]) + LoadFloat(gradient + i), static_cast<uint16_t>(bits));
    }
    begin = end;
  }
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
HWY_EXPORT(SumF32);
HWY_EXPORT(AddBf16);
HWY_EXPORT(AddStochasticF32);
HWY_EXPORT(AddStochasticBf16);
HWY_EXPORT(SquaredNormF32);
HWY_EXPORT(SquaredNormBf16);

void AddF32(const float* gradient, int64_t n, float* sum) { HWY_DYNAMIC_DISPATCH(AddF32)(gradient, n, sum); }
void SumF32(const float* a, const float* b, int64_t n, float* sum) { HWY_DYNAMIC_DISPATCH(SumF32)(a, b, n, sum); }
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
