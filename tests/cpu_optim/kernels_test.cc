// The loops against plain C++, bit for bit, on every instruction set that this processor has.
#include "cpu_optim/kernels.h"

#include <limits>

#include <gtest/gtest.h>

#include "cpu_optim/optimizer.h"
#include "cpu_optim/stochastic_rounding.h"
#include "tests/cpu_optim/targets.h"
#include "tests/cpu_optim/test_data.h"

namespace hlm {
namespace {

// Lengths around every vector width, and offsets that leave nothing aligned.
const int64_t kLengths[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 1000, 4095, 4096};

class Kernels : public ::testing::TestWithParam<int64_t> {
 private:
  WithTarget target_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(EachTarget, Kernels, ::testing::ValuesIn(SupportedTargets()),
                         [](const auto& target) { return std::string(hwy::TargetName(target.param)); });

std::vector<float> FromBits(const std::vector<uint32_t>& bits) {
  std::vector<float> values;
  for (const uint32_t b : bits) values.push_back(std::bit_cast<float>(b));
  return values;
}

// Every upper half with the lower halves at which rounding and splitting change their mind.
std::vector<float> AllUpperHalves() {
  std::vector<uint32_t> bits;
  for (uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (const uint32_t lower : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) bits.push_back(upper << 16 | lower);
  }
  const uint64_t key = RandomKey(1, "bits");
  for (uint64_t i = 0; i < 200000; ++i) bits.push_back(Philox(key, i, 0)[0]);
  return FromBits(bits);
}

TEST_P(Kernels, SplitIsExactAndRoundsTiesAway) {
  const std::vector<float> weights = AllUpperHalves();
  const int64_t n = static_cast<int64_t>(weights.size());
  std::vector<bf16_t> hi(n);
  std::vector<uint16_t> lo(n);
  kernels::SplitMasters(weights.data(), n, hi.data(), lo.data());
  std::vector<float> joined(n);
  kernels::JoinMasters(hi.data(), lo.data(), n, joined.data());
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(weights[i]);
    const uint32_t canonical = std::isnan(weights[i]) ? 0x7fc00000u : bits;
    ASSERT_EQ(std::bit_cast<uint32_t>(joined[i]), canonical) << "bits " << std::hex << bits;
    ASSERT_EQ(hi[i], static_cast<bf16_t>((canonical + 0x8000u) >> 16)) << "bits " << std::hex << bits;
    ASSERT_EQ(lo[i], static_cast<uint16_t>(canonical)) << "bits " << std::hex << bits;
  }
}

TEST_P(Kernels, NarrowRoundsToNearestEven) {
  const std::vector<float> values = AllUpperHalves();
  std::vector<bf16_t> narrow(values.size()), expected(values.size());
  kernels::NarrowToBf16(values.data(), static_cast<int64_t>(values.size()), narrow.data());
  for (size_t i = 0; i < values.size(); ++i) expected[i] = FloatToBf16(values[i]);
  EXPECT_TRUE(SameBits(narrow, expected));
}

TEST_P(Kernels, WidenIsExactForAllBf16Values) {
  std::vector<bf16_t> values(0x10000);
  for (uint32_t i = 0; i < values.size(); ++i) values[i] = static_cast<bf16_t>(i);
  std::vector<float> wide(values.size());
  kernels::WidenBf16(values.data(), static_cast<int64_t>(values.size()), wide.data());
  for (uint32_t i = 0; i < values.size(); ++i) ASSERT_EQ(std::bit_cast<uint32_t>(wide[i]), i << 16);
}

TEST_P(Kernels, EveryLengthAndOffsetGivesTheElementsOfThePlainLoopAndTouchesNoOther) {
  constexpr int64_t kMost = 4096, kGuard = 40;
  const std::vector<float> x = RandomFloats(kMost + kGuard, "x", 1.0, 20), y = RandomFloats(kMost + kGuard, "y", 1.0, 20);
  const std::vector<bf16_t> x16 = ToBf16(x), y16 = ToBf16(y);
  const uint64_t key = RandomKey(3, "key");
  for (const int64_t n : kLengths) {
    for (const int64_t offset : {0, 1, 5}) {
      const uint64_t first_index = (uint64_t{1} << 35) - 20 + offset * 7;  // a block of random bits ends within
      std::vector<float> wide = y, wide_expected = y, scaled = y, scaled_expected = y, sum = y, sum_expected = y, sum16 = y,
                         sum16_expected = y;
      std::vector<bf16_t> narrow = y16, narrow_expected = y16, random32 = y16, random32_expected = y16, random16 = y16,
                          random16_expected = y16;
      kernels::WidenBf16(x16.data() + offset, n, wide.data() + offset);
      kernels::WidenScaledBf16(x16.data() + offset, n, 0.3f, scaled.data() + offset);
      kernels::NarrowToBf16(x.data() + offset, n, narrow.data() + offset);
      std::vector<float> both = y, both_expected = y, streamed = y, streamed_expected = y;
      kernels::SumF32(x.data() + offset, scaled.data() + offset, n, both.data() + offset);
      kernels::StreamF32(x.data() + offset, n, streamed.data() + offset);
      kernels::AddF32(x.data() + offset, n, sum.data() + offset);
      kernels::AddBf16(x16.data() + offset, n, sum16.data() + offset);
      kernels::AddStochasticF32(x.data() + offset, n, key, first_index, random32.data() + offset);
      kernels::AddStochasticBf16(x16.data() + offset, n, key, first_index, random16.data() + offset);
      for (int64_t i = offset; i < offset + n; ++i) {
        wide_expected[i] = Bf16ToFloat(x16[i]);
        scaled_expected[i] = Bf16ToFloat(x16[i]) * 0.3f;
        narrow_expected[i] = FloatToBf16(x[i]);
        sum_expected[i] = y[i] + x[i];
        both_expected[i] = x[i] + scaled_expected[i];
        streamed_expected[i] = x[i];
        sum16_expected[i] = y[i] + Bf16ToFloat(x16[i]);
        const uint16_t random = RandomBits16(key, first_index + static_cast<uint64_t>(i - offset));
        random32_expected[i] = RoundStochastically(Bf16ToFloat(y16[i]) + x[i], random);
        random16_expected[i] = RoundStochastically(Bf16ToFloat(y16[i]) + Bf16ToFloat(x16[i]), random);
      }
      SCOPED_TRACE(::testing::Message() << n << " elements from " << offset);
      EXPECT_TRUE(SameBits(wide, wide_expected));
      EXPECT_TRUE(SameBits(scaled, scaled_expected));
      EXPECT_TRUE(SameBits(narrow, narrow_expected));
      EXPECT_TRUE(SameBits(sum, sum_expected));
      EXPECT_TRUE(SameBits(both, both_expected));
      EXPECT_TRUE(SameBits(streamed, streamed_expected));
      EXPECT_TRUE(SameBits(sum16, sum16_expected));
      EXPECT_TRUE(SameBits(random32, random32_expected));
      EXPECT_TRUE(SameBits(random16, random16_expected));
    }
  }
}

TEST_P(Kernels, StochasticRoundingOfExtremeValuesIsThePlainOne) {
  const float infinity = std::numeric_limits<float>::infinity(), largest = std::numeric_limits<float>::max();
  const std::vector<float> extremes = {0.0f,
                                       -0.0f,
                                       infinity,
                                       -infinity,
                                       largest,
                                       -largest,
                                       std::nanf(""),
                                       -std::nanf(""),
                                       1e-45f,
                                       -1e-40f,
                                       std::bit_cast<float>(0x7f7f0000u),
                                       std::bit_cast<float>(0x7f800001u)};
  std::vector<float> gradient;
  while (gradient.size() < 1000) gradient.insert(gradient.end(), extremes.begin(), extremes.end());
  const int64_t n = static_cast<int64_t>(gradient.size());
  std::vector<bf16_t> sum(n, 0), expected(n);
  kernels::AddStochasticF32(gradient.data(), n, 5, 3, sum.data());
  for (int64_t i = 0; i < n; ++i) expected[i] = RoundStochastically(0.0f + gradient[i], RandomBits16(5, 3 + i));
  EXPECT_TRUE(SameBits(sum, expected));
}

// The structure that kernels.h promises, as plain code.
double NormOfSixteenLanes(const std::vector<float>& x) {
  double lanes[16] = {};
  for (size_t i = 0; i < x.size(); ++i) lanes[i % 16] += static_cast<double>(x[i]) * x[i];
  for (int half = 8; half > 0; half /= 2) {
    for (int k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  }
  return lanes[0];
}

TEST_P(Kernels, SquaredNormHasTheSameBitsOnEveryInstructionSet) {
  for (const int64_t n : kLengths) {
    const std::vector<float> x = RandomFloats(n, "norm", 1.0, 10);
    const std::vector<bf16_t> x16 = ToBf16(x);
    EXPECT_EQ(kernels::SquaredNormF32(x.data(), n), NormOfSixteenLanes(x)) << n << " elements";
    EXPECT_EQ(kernels::SquaredNormBf16(x16.data(), n), NormOfSixteenLanes(ToFloat(x16))) << n << " elements";
  }
}

TEST(StochasticRounding, KeepsValuesOfBf16AndNeverLeavesTheirNeighbours) {
  for (uint32_t upper = 0; upper < 0x7f80; ++upper) {
    for (const uint32_t sign : {0u, 0x8000u}) {
      const auto value = static_cast<bf16_t>(upper | sign);
      ASSERT_EQ(RoundStochastically(Bf16ToFloat(value), 0xffff), value);
      const float between = std::bit_cast<float>(static_cast<uint32_t>(value) << 16 | 0x4000u);
      ASSERT_EQ(RoundStochastically(between, 0), value);
      ASSERT_EQ(RoundStochastically(between, 0xbfff), value);
      const bf16_t above = upper == 0x7f7f ? value : static_cast<bf16_t>(value + 1);  // the largest never becomes infinite
      ASSERT_EQ(RoundStochastically(between, 0xc000), above);
    }
  }
  EXPECT_EQ(RoundStochastically(std::numeric_limits<float>::infinity(), 0xffff), 0x7f80);
  EXPECT_EQ(RoundStochastically(-std::numeric_limits<float>::infinity(), 0xffff), 0xff80);
  EXPECT_TRUE(std::isnan(Bf16ToFloat(RoundStochastically(std::bit_cast<float>(0x7f800001u), 0xffff))));
}

}  // namespace
}  // namespace hlm
