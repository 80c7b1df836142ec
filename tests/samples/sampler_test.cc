#include "samples/horizon/run/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(SamplerTest, ZeroTemperatureTakesTheLowestOfTheLargest) {
  EXPECT_EQ(ChooseToken(std::vector<float>{1, 3, 2, 3}, 0, 0, 0.9), 1);
  EXPECT_EQ(ChooseToken(std::vector<float>{-5, -5, -5}, 0, 2, 0.9), 0);
  EXPECT_EQ(ChooseToken(std::vector<float>{-kInfinity, -2}, 0, 0, 0), 1);
}

TEST(SamplerTest, DrawsFromTheSoftmax) {
  // Weights 1, 2 and 5 of 8; candidates come in falling order of logits.
  const std::vector<float> logits = {std::log(1.0f), std::log(5.0f), std::log(2.0f)};
  EXPECT_EQ(ChooseToken(logits, 1, 0, 0.0), 1);
  EXPECT_EQ(ChooseToken(logits, 1, 0, 0.62), 1);
  EXPECT_EQ(ChooseToken(logits, 1, 0, 0.63), 2);
  EXPECT_EQ(ChooseToken(logits, 1, 0, 0.87), 2);
  EXPECT_EQ(ChooseToken(logits, 1, 0, 0.88), 0);
  EXPECT_EQ(ChooseToken(logits, 1, 0, std::nextafter(1.0, 0.0)), 0);
  // At temperature 1/2 the weights are squared: 1, 4 and 25 of 30.
  EXPECT_EQ(ChooseToken(logits, 0.5, 0, 0.82), 1);
  EXPECT_EQ(ChooseToken(logits, 0.5, 0, 0.84), 2);
}

TEST(SamplerTest, TopKKeepsTheLargest) {
  const std::vector<float> logits = {0, 1, 2, 1};
  const double last = std::nextafter(1.0, 0.0);
  EXPECT_EQ(ChooseToken(logits, 1, 1, last), 2);
  EXPECT_EQ(ChooseToken(logits, 1, 2, last), 1) << "of two equal logits the lower id is among the two largest";
  EXPECT_EQ(ChooseToken(logits, 1, 3, last), 3);
  EXPECT_EQ(ChooseToken(logits, 1, 99, last), 0) << "more than there are is all";
}

TEST(SamplerTest, HugeLogitsAndTinyTemperaturesStayFinite) {
  EXPECT_EQ(ChooseToken(std::vector<float>{3e38f, -3e38f}, 1e-300, 0, 0.5), 0);
  EXPECT_EQ(ChooseToken(std::vector<float>{1, 1 - 1e-6f, -kInfinity}, 1e9, 0, 0.75), 1);
}

TEST(SamplerTest, RefusesWhatIsNoDistribution) {
  EXPECT_THROW(ChooseToken(std::vector<float>{1, NAN}, 0, 0, 0), Error);
  EXPECT_THROW(ChooseToken(std::vector<float>{1, kInfinity}, 1, 0, 0), Error);
  EXPECT_THROW(ChooseToken(std::vector<float>{-kInfinity, -kInfinity}, 1, 0, 0), Error);
}

}  // namespace
}  // namespace horizon
