#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "core/base/checked.h"
#include "cpu_optim/optimizer.h"
#include "cpu_optim/stochastic_rounding.h"
#include "tests/cpu_optim/test_data.h"

namespace hlm {
namespace {

constexpr int64_t kSizes[] = {1, 15, 16, 17, 4095, 4096, 4097, 100003};

template <class T>
constexpr DType TypeOf() {
  return sizeof(T) == 4 ? DType::kF32 : DType::kBF16;
}

template <class T>
std::vector<double> Norms(HostPool& pool, const std::vector<T>& x) {
  std::vector<double> sums(CeilDiv(x.size(), kGradientChunk), -1.0);
  SquaredNorms(pool, x.size(), x.data(), TypeOf<T>(), sums.data());
  return sums;
}

TEST(SquaredNorms, AreWithinTheRoundingOfTheirFewAdditions) {
  HostPool pool(2);
  for (const int64_t n : kSizes) {
    const std::vector<float> x = RandomFloats(n, "norms", 1e-3, 12);
    const std::vector<double> sums = Norms(pool, x);
    for (size_t c = 0; c < sums.size(); ++c) {
      long double exact = 0;
      for (int64_t i = c * kGradientChunk; i < std::min<int64_t>(n, (c + 1) * kGradientChunk); ++i)
        exact += static_cast<long double>(x[i]) * x[i];
      // 256 additions in a lane and 4 in the tree, each wrong by at most half an ulp of a sum that only grows.
      EXPECT_NEAR(sums[c], static_cast<double>(exact), static_cast<double>(exact) * 260 * 0x1p-53)
          << "chunk " << c << " of " << n;
    }
  }
}

TEST(SquaredNorms, HaveTheSameBitsForAnyThreadsAndAnyCut) {
  const int64_t n = 40 * kGradientChunk + 1234;
  const std::vector<float> x = RandomFloats(n, "norms", 1.0, 8);
  const std::vector<bf16_t> x16 = ToBf16(x);
  HostPool one(1);
  const std::vector<double> expected = Norms(one, x), expected16 = Norms(one, x16);
  for (const int threads : {2, 3, 7}) {
    HostPool pool(threads);
    EXPECT_TRUE(SameBits(Norms(pool, x), expected));
    EXPECT_TRUE(SameBits(Norms(pool, x16), expected16));
    std::vector<double> parts(expected.size());
    for (int64_t begin = 0, chunks = 1; begin < n; ++chunks) {
      const int64_t count = std::min(chunks * kGradientChunk, n - begin);
      SquaredNorms(pool, count, x.data() + begin, DType::kF32, parts.data() + begin / kGradientChunk);
      begin += count;
    }
    EXPECT_TRUE(SameBits(parts, expected));
  }
}

TEST(SquaredNorms, AreFiniteForTheLargestFloatsAndNotFiniteForNanAndInfinity) {
  HostPool pool(2);
  const int64_t n = 3 * kGradientChunk;
  const std::vector<float> large(n, 1e30f), largest(n, std::numeric_limits<float>::max());
  for (const double sum : Norms(pool, large)) EXPECT_NEAR(sum, kGradientChunk * 1e60, 1e-6 * kGradientChunk * 1e60);
  for (const double sum : Norms(pool, largest)) EXPECT_TRUE(std::isfinite(sum));
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    for (const int64_t place : {int64_t{0}, kGradientChunk + 17, 2 * kGradientChunk - 1}) {
      std::vector<float> x(n, 1.0f);
      x[place] = bad;
      for (const std::vector<double>& sums : {Norms(pool, x), Norms(pool, ToBf16(x))}) {
        for (int64_t c = 0; c < 3; ++c) EXPECT_EQ(std::isfinite(sums[c]), c != place / kGradientChunk) << bad << " at " << place;
      }
    }
  }
}

// The sum after `sum = a; sum += b`, with its norms, cut into parts of `part` elements.
template <class Sum, class Gradient>
std::pair<std::vector<Sum>, std::vector<double>> SumOfTwo(HostPool& pool, const std::vector<Gradient>& a,
                                                          const std::vector<Gradient>& b, uint64_t key, int64_t first_index,
                                                          int64_t part) {
  const int64_t n = static_cast<int64_t>(a.size());
  std::vector<Sum> sum(n);
  std::vector<double> norms(CeilDiv(n, kGradientChunk));
  for (int64_t begin = 0; begin < n; begin += part) {
    const int64_t count = std::min(part, n - begin);
    double* part_norms = norms.data() + begin / kGradientChunk;
    Accumulate(pool, count, sum.data() + begin, TypeOf<Sum>(), a.data() + begin, TypeOf<Gradient>(), false, key,
               first_index + begin, nullptr);
    Accumulate(pool, count, sum.data() + begin, TypeOf<Sum>(), b.data() + begin, TypeOf<Gradient>(), true, key,
               first_index + begin, part_norms);
  }
  return {sum, norms};
}

template <class Sum, class Gradient>
void CheckSum(const std::vector<Gradient>& a, const std::vector<Gradient>& b) {
  const uint64_t key = RandomKey(4, "sum");
  const int64_t n = static_cast<int64_t>(a.size()), first_index = 12345;
  std::vector<Sum> expected(n);
  const auto value = [](Gradient g) {
    if constexpr (sizeof(Gradient) == 4)
      return g;
    else
      return Bf16ToFloat(g);
  };
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (sizeof(Sum) == 4) {
      expected[i] = value(a[i]) + value(b[i]);
    } else {
      expected[i] = RoundStochastically(Bf16ToFloat(FloatToBf16(value(a[i]))) + value(b[i]), RandomBits16(key, first_index + i));
    }
  }
  for (const int threads : {1, 2, 3, 7}) {
    HostPool pool(threads);
    const auto [sum, norms] = SumOfTwo<Sum>(pool, a, b, key, first_index, n);
    EXPECT_TRUE(SameBits(sum, expected));
    EXPECT_TRUE(SameBits(norms, Norms(pool, sum)));
    const auto [cut_sum, cut_norms] = SumOfTwo<Sum>(pool, a, b, key, first_index, 3 * kGradientChunk);
    EXPECT_TRUE(SameBits(cut_sum, expected));
    EXPECT_TRUE(SameBits(cut_norms, norms));
  }
}

TEST(Accumulate, GivesThePlainSumAndItsNormForEveryTypeThreadsAndCut) {
  for (const int64_t n : kSizes) {
    SCOPED_TRACE(n);
    const std::vector<float> a = RandomFloats(n, "a", 1.0, 6), b = RandomFloats(n, "b", 1.0, 6);
    CheckSum<float>(a, b);
    CheckSum<float>(ToBf16(a), ToBf16(b));
    CheckSum<bf16_t>(a, b);
    CheckSum<bf16_t>(ToBf16(a), ToBf16(b));
  }
}

// With terms that came earlier: as if they had been added, one after the other, before.
TEST(Accumulate, AddsEarlierTermsOnTheWayAndLeavesTheGradient) {
  const uint64_t key = RandomKey(5, "terms");
  for (const int64_t n : kSizes) {
    SCOPED_TRACE(n);
    const std::vector<float> gradient = RandomFloats(n, "gradient", 1.0, 6), first = RandomFloats(n, "first", 1.0, 6),
                             second = RandomFloats(n, "second", 1.0, 6);
    std::vector<float> total(n);
    for (int64_t i = 0; i < n; ++i) total[i] = second[i] + (first[i] + gradient[i]);
    for (const int threads : {1, 3}) {
      HostPool pool(threads);
      const float* const earlier[] = {first.data(), second.data()};
      std::vector<float> apart(n), within = gradient;
      AddTerms(pool, n, earlier, gradient.data(), apart.data());
      AddTerms(pool, n, earlier, within.data(), within.data());
      EXPECT_TRUE(SameBits(apart, total));
      EXPECT_TRUE(SameBits(within, total));
      AddTerms(pool, n, {}, gradient.data(), apart.data());
      EXPECT_TRUE(SameBits(apart, gradient));
      for (const bool accumulate : {false, true}) {
        std::vector<float> wide = second, wide_expected = second;
        std::vector<bf16_t> narrow = ToBf16(second), narrow_expected = narrow;
        const std::vector<float> as_it_was = gradient;
        std::vector<double> norms(CeilDiv(n, kGradientChunk)), expected = norms;
        Accumulate(pool, n, wide_expected.data(), DType::kF32, total.data(), DType::kF32, accumulate, key, 7, expected.data());
        Accumulate(pool, n, wide.data(), DType::kF32, gradient.data(), DType::kF32, accumulate, key, 7, norms.data(), earlier);
        EXPECT_TRUE(SameBits(wide, wide_expected));
        EXPECT_TRUE(SameBits(norms, expected));
        Accumulate(pool, n, narrow_expected.data(), DType::kBF16, total.data(), DType::kF32, accumulate, key, 7, nullptr);
        Accumulate(pool, n, narrow.data(), DType::kBF16, gradient.data(), DType::kF32, accumulate, key, 7, nullptr, earlier);
        EXPECT_TRUE(SameBits(narrow, narrow_expected));
        EXPECT_TRUE(SameBits(gradient, as_it_was));
      }
    }
  }
}

TEST(Accumulate, RefusesEarlierTermsOfAGradientInBf16) {
  HostPool pool(1);
  std::vector<float> sum(4);
  const std::vector<bf16_t> gradient(4);
  const float* const earlier[] = {sum.data()};
  EXPECT_THROW(Accumulate(pool, 4, sum.data(), DType::kF32, gradient.data(), DType::kBF16, false, 0, 0, nullptr, earlier), Error);
}

TEST(Accumulate, StochasticRoundingIsRightOnAverageAndDependsOnItsKey) {
  HostPool pool(2);
  constexpr int64_t kCount = 1 << 20;
  const double ulp = 1.0 / 128;  // of bf16 at 1
  for (const double fraction : {0.01, 0.25, 0.5, 0.9}) {
    const std::vector<float> gradient(kCount, static_cast<float>(fraction * ulp));
    std::vector<bf16_t> sum(kCount, FloatToBf16(1.0f)), other = sum, same = sum;
    Accumulate(pool, kCount, sum.data(), DType::kBF16, gradient.data(), DType::kF32, true, 11, 0, nullptr);
    Accumulate(pool, kCount, same.data(), DType::kBF16, gradient.data(), DType::kF32, true, 11, 0, nullptr);
    Accumulate(pool, kCount, other.data(), DType::kBF16, gradient.data(), DType::kF32, true, 12, 0, nullptr);
    int64_t up = 0;
    for (const bf16_t value : sum) up += value != FloatToBf16(1.0f);
    // A count of kCount independent draws: five standard deviations.
    EXPECT_NEAR(static_cast<double>(up), fraction * kCount, 5 * std::sqrt(kCount * fraction * (1 - fraction)));
    EXPECT_TRUE(SameBits(sum, same));
    EXPECT_NE(sum, other);
  }
}

TEST(Accumulate, SmallGradientsAreNotLostInABf16Sum) {
  // 1000 gradients of 1/1000 ulp each: nearest rounding would leave every sum at 1.
  HostPool pool(2);
  constexpr int64_t kCount = 50000;
  constexpr int kSteps = 1000;
  std::vector<bf16_t> sum(kCount, FloatToBf16(1.0f));
  const std::vector<float> gradient(kCount, 1.0f / 128 / kSteps);
  for (int step = 0; step < kSteps; ++step) {
    Accumulate(pool, kCount, sum.data(), DType::kBF16, gradient.data(), DType::kF32, true, RandomKey(step, "step"), 0, nullptr);
  }
  double mean = 0;
  for (const bf16_t value : sum) mean += (Bf16ToFloat(value) - 1.0) * 128 / kCount;
  // Each sum is 1 ulp up on average with a variance of about 1; five standard deviations of the mean of 50,000.
  EXPECT_NEAR(mean, 1.0, 5 / std::sqrt(kCount));
}

TEST(Convert, CopiesWidensAndRoundsToNearestEven) {
  HostPool pool(2);
  for (const int64_t n : kSizes) {
    const std::vector<float> x = RandomFloats(n, "convert", 1.0, 30);
    std::vector<float> wide(n), copy(n);
    std::vector<bf16_t> narrow(n), narrow_copy(n);
    Convert(pool, n, x.data(), DType::kF32, narrow.data(), DType::kBF16);
    Convert(pool, n, narrow.data(), DType::kBF16, wide.data(), DType::kF32);
    Convert(pool, n, x.data(), DType::kF32, copy.data(), DType::kF32);
    Convert(pool, n, narrow.data(), DType::kBF16, narrow_copy.data(), DType::kBF16);
    EXPECT_TRUE(SameBits(narrow, ToBf16(x)));
    EXPECT_TRUE(SameBits(wide, ToFloat(narrow)));
    EXPECT_TRUE(SameBits(copy, x));
    EXPECT_TRUE(SameBits(narrow_copy, narrow));
  }
}

TEST(Masters, SplitAndJoinAreInverse) {
  HostPool pool(3);
  for (const int64_t n : kSizes) {
    const std::vector<float> weights = RandomFloats(n, "masters", 1.0, 60);
    std::vector<bf16_t> hi(n);
    std::vector<uint16_t> lo(n);
    std::vector<float> joined(n);
    SplitMasters(pool, n, weights.data(), hi.data(), lo.data());
    JoinMasters(pool, n, hi.data(), lo.data(), joined.data());
    EXPECT_TRUE(SameBits(joined, weights));
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(hi[i], SplitMaster(weights[i]).hi);
  }
}

TEST(Passes, RefuseWhatTheyCannotRead) {
  HostPool pool(1);
  std::vector<float> x(16);
  std::vector<bf16_t> h(16);
  double sum = 0;
  ExpectError(Code::kInvalidArgument, [&] { SquaredNorms(pool, -1, x.data(), DType::kF32, &sum); });
  ExpectError(Code::kInvalidArgument, [&] { SquaredNorms(pool, 16, nullptr, DType::kF32, &sum); });
  ExpectError(Code::kInvalidArgument, [&] { SquaredNorms(pool, 16, x.data(), DType::kF32, nullptr); });
  const std::string message = ExpectError(Code::kInvalidArgument, [&] { SquaredNorms(pool, 16, h.data(), DType::kF16, &sum); });
  EXPECT_NE(message.find("f16"), std::string::npos) << message;
  ExpectError(Code::kInvalidArgument,
              [&] { Accumulate(pool, 16, x.data(), DType::kF16, x.data(), DType::kF32, true, 0, 0, nullptr); });
  ExpectError(Code::kInvalidArgument,
              [&] { Accumulate(pool, 16, x.data(), DType::kF32, x.data(), DType::kF32, true, 0, -1, nullptr); });
  ExpectError(Code::kInvalidArgument, [&] { Convert(pool, 16, x.data(), DType::kF32, h.data(), DType::kF16); });
  ExpectError(Code::kInvalidArgument, [&] { SplitMasters(pool, 16, x.data(), h.data(), nullptr); });
  ExpectError(Code::kInvalidArgument, [&] { JoinMasters(pool, 16, nullptr, h.data(), x.data()); });
  SquaredNorms(pool, 0, nullptr, DType::kF32, nullptr);  // nothing to read, nothing to refuse
}

}  // namespace
}  // namespace hlm
