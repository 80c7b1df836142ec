// The stored forms of moments: what a code is worth, that decoding and encoding are inverse, and that rounding by chance has no
// bias.
#include <limits>

#include <gtest/gtest.h>

#include "cpu_optim/moment_code.h"
#include "cpu_optim/optimizer.h"
#include "tests/cpu_optim/test_data.h"

namespace hlm {
namespace {

struct Int8Moment {
  explicit Int8Moment(int64_t n) : codes(n), scales(StateScales(StateType::kInt8, n)) {}
  MomentArray Get() { return {codes.data(), scales.data()}; }
  std::vector<uint8_t> codes;
  std::vector<float> scales;
};

std::vector<float> Decoded(Int8Moment& moment, bool second) {
  std::vector<float> values(moment.codes.size());
  DecodeMoment(StateType::kInt8, second, static_cast<int64_t>(values.size()), moment.Get(), values.data());
  return values;
}

TEST(EightBits, CodesAreWhatTheDocumentSays) {
  for (const float scale : {1.0f, 3e-5f, 1e-30f}) {
    for (int c = -127; c <= 127; ++c) {
      const double u = c / 127.0;
      ASSERT_NEAR(DecodeFirst(static_cast<int8_t>(c), scale), u * std::abs(u) * scale, 1e-6 * u * u * scale);
    }
    for (int c = 0; c <= 255; ++c) {
      const double u = c / 255.0;
      ASSERT_NEAR(DecodeSecond(static_cast<uint8_t>(c), scale), u * u * u * u * scale, 2e-6 * u * u * u * u * scale + 1e-44);
    }
    EXPECT_EQ(DecodeFirst(127, scale), scale);
    EXPECT_EQ(DecodeFirst(-127, scale), -scale);
    EXPECT_EQ(DecodeSecond(255, scale), scale);
  }
}

TEST(EightBits, EveryCodeIsKeptByDecodingAndEncoding) {
  for (const bool second : {false, true}) {
    for (const float scale : {1.0f, 0.7f, 3e-9f, 1e-20f, 1e20f}) {
      for (int c = second ? 0 : -127; c <= (second ? 255 : 127); ++c) {
        for (const float threshold : {1.0f / 4096, 0.5f, 4095.0f / 4096}) {
          const int back = second ? EncodeSecond(DecodeSecond(static_cast<uint8_t>(c), scale), scale, threshold)
                                  : EncodeFirst(DecodeFirst(static_cast<int8_t>(c), scale), scale, threshold);
          ASSERT_EQ(back, c) << (second ? "second" : "first") << " scale " << scale << " threshold " << threshold;
        }
      }
    }
  }
}

TEST(EightBits, NearestIsWithinHalfAStep) {
  for (const int64_t n : {1, 255, 256, 257, 1000}) {
    for (const bool second : {false, true}) {
      std::vector<float> values = RandomFloats(n, "x", 1.0, 4);
      if (second) {
        for (float& x : values) x = x * x;
      }
      Int8Moment moment(n);
      EncodeMoment(StateType::kInt8, second, n, values.data(), moment.Get());
      const std::vector<float> back = Decoded(moment, second);
      for (int64_t i = 0; i < n; ++i) {
        const double scale = moment.scales[i / kStateBlock], u = std::pow(std::abs(values[i]) / scale, second ? 0.25 : 0.5);
        // Half a step of the code around u: the derivative of u^2 or u^4 times half of 1/127 or 1/255, and its curvature near
        // zero.
        const double half = second ? 0.5 / 255 : 0.5 / 127;
        const double limit = scale * (second ? std::pow(u + half, 4) - std::pow(std::max(0.0, u - half), 4)
                                             : std::pow(u + half, 2) - std::pow(std::max(0.0, u - half), 2));
        ASSERT_NEAR(back[i], values[i], limit + 1e-6 * scale * u) << i;
      }
      EXPECT_EQ(
          std::abs(*std::max_element(back.begin(), back.end(), [](float a, float b) { return std::abs(a) < std::abs(b); })),
          std::abs(*std::max_element(values.begin(), values.end(), [](float a, float b) { return std::abs(a) < std::abs(b); })));
    }
  }
}

TEST(EightBits, ASecondMomentAboveZeroNeverBecomesZero) {
  for (const float scale : {1.0f, 1e-20f, kLeastSecondScale}) {
    for (const float x : {1e-45f, 1e-40f, 1e-38f, 1e-30f, 1e-20f}) {
      const uint8_t code = EncodeSecond(std::min(x, scale), scale, Threshold(0xffff));
      EXPECT_GE(code, 1);
      EXPECT_GT(DecodeSecond(code, scale), 0.0f);
    }
  }
}

TEST(EightBits, BlocksOfExtremes) {
  std::vector<float> values(5 * 256, 0.0f);
  for (int i = 0; i < 256; ++i) values[256 + i] = 1e-42f * static_cast<float>(i);  // subnormal
  values[512] = std::numeric_limits<float>::max();
  values[768] = std::nanf("");
  values[1024] = std::numeric_limits<float>::infinity();
  for (const bool second : {false, true}) {
    Int8Moment moment(5 * 256);
    EncodeMoment(StateType::kInt8, second, 5 * 256, values.data(), moment.Get());
    const std::vector<float> back = Decoded(moment, second);
    EXPECT_EQ(moment.scales[0], 0.0f);
    for (int i = 0; i < 256; ++i) EXPECT_EQ(back[i], 0.0f);
    for (int i = 0; i < 256; ++i) {
      ASSERT_TRUE(std::isfinite(back[256 + i]));
      if (second && i > 0) {
        ASSERT_GT(back[256 + i], 0.0f);
      }
    }
    EXPECT_EQ(back[512], std::numeric_limits<float>::max());
    for (int i = 768; i < 1280; ++i) ASSERT_TRUE(std::isnan(back[i]));
  }
}

TEST(EightBits, RoundingByChanceIsRightOnAverage) {
  const uint64_t key = RandomKey(1, "threshold");
  for (const float x : {0.9f, 0.5f, 0.1f, 0.013f, 1e-4f, 1e-6f}) {
    double first = 0, second = 0;
    constexpr int kDraws = 40000;
    for (int k = 0; k < kDraws; ++k) {
      const float threshold = Threshold(static_cast<uint16_t>(Philox(key, static_cast<uint64_t>(k), 0)[0]));
      first += DecodeFirst(EncodeFirst(-x, 1.0f, threshold), 1.0f);
      second += DecodeSecond(EncodeSecond(x, 1.0f, threshold), 1.0f);
    }
    // Five deviations of the mean of a draw between two codes: at most half a step each.
    const double step1 = 2 * std::sqrt(x) / 127 + 1.0 / 127 / 127,
                 step2 = 4 * std::pow(x, 0.75) / 255 + 6 * std::sqrt(x) / 255 / 255 + 1e-9;
    EXPECT_NEAR(first / kDraws, -x, 5 * 0.5 * step1 / std::sqrt(kDraws));
    EXPECT_NEAR(second / kDraws, x, 5 * 0.5 * step2 / std::sqrt(kDraws));
  }
}

TEST(OtherStates, AreExactOrNearestEven) {
  const std::vector<float> values = RandomFloats(1000, "x", 1.0, 6);
  std::vector<float> wide(1000), back(1000);
  std::vector<bf16_t> narrow(1000);
  EncodeMoment(StateType::kF32, false, 1000, values.data(), {wide.data(), nullptr});
  DecodeMoment(StateType::kF32, false, 1000, {wide.data(), nullptr}, back.data());
  EXPECT_TRUE(SameBits(back, values));
  EncodeMoment(StateType::kBF16, true, 1000, values.data(), {narrow.data(), nullptr});
  EXPECT_TRUE(SameBits(narrow, ToBf16(values)));
  DecodeMoment(StateType::kBF16, true, 1000, {narrow.data(), nullptr}, back.data());
  EXPECT_TRUE(SameBits(back, ToFloat(narrow)));
}

}  // namespace
}  // namespace hlm
