// The fused update has the bits of a plain loop in float, on every instruction set, for any threads, cuts and alignment.
#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "tests/cpu_optim/targets.h"
#include "tests/cpu_optim/update_reference.h"

namespace hlm {
namespace {

class UpdateBits : public ::testing::TestWithParam<Form> {
 protected:
  OptimizerOptions Options() const {
    return {.algorithm = GetParam().algorithm, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .weight_decay = 0.1};
  }
};
INSTANTIATE_TEST_SUITE_P(AllForms, UpdateBits, ::testing::ValuesIn(AllForms()), [](const auto& f) { return NameOf(f.param); });

constexpr int64_t kFirstIndex = (int64_t{1} << 40) + 3 * kStateBlock;
UpdateStep StepAt(int64_t t) { return {t, 1e-3 / static_cast<double>(t), t == 2 ? 0.37 : 1.0, RandomKey(t, "update")}; }

// Three steps over gradients of many magnitudes, zeros and a zero block among them.
std::vector<float> GradientAt(int64_t t, int64_t n) {
  static std::map<int64_t, std::vector<float>> drawn;  // once for all forms
  std::vector<float>& all = drawn[t];
  if (all.empty()) all = RandomFloats(80000, std::to_string(t).c_str(), 1e-2, 8);
  std::vector<float> g(all.begin(), all.begin() + n);
  for (int64_t i = 0; i < n; i += 7) g[i] = 0;
  for (int64_t i = 256; i < std::min<int64_t>(512, n); ++i) g[i] = 0;
  return g;
}

TEST_P(UpdateBits, AreThoseOfThePlainLoopOnEveryInstructionSet) {
  HostPool pool(2);
  for (const int64_t n : {int64_t{1}, int64_t{255}, int64_t{256}, int64_t{257}, int64_t{1000}, int64_t{66003}}) {
    static std::map<int64_t, std::vector<float>> drawn;
    std::vector<float>& weights = drawn[n];
    if (weights.empty()) weights = RandomFloats(n, "w", 0.02, 4);
    UpdateState expected(GetParam(), weights);
    std::vector<UpdateState> states;
    const std::vector<int64_t> targets = n > 1000 ? std::vector<int64_t>{0} : SupportedTargets();
    for (size_t k = 0; k < targets.size(); ++k) states.emplace_back(GetParam(), weights);
    for (int64_t t = 1; t <= 3; ++t) {
      const std::vector<float> g = GradientAt(t, n);
      expected.SetGradient(g);
      PlainUpdate(Options(), StepAt(t), expected, t != 3, kFirstIndex);
      for (size_t k = 0; k < targets.size(); ++k) {
        const WithTarget target(targets[k]);
        states[k].SetGradient(g);
        Update(pool, Options(), StepAt(t), states[k].Arrays(t != 3, kFirstIndex));
        ASSERT_TRUE(SameState(states[k], expected)) << hwy::TargetName(targets[k]) << ", " << n << " elements, step " << t;
      }
    }
  }
}

TEST_P(UpdateBits, DependOnNeitherThreadsNorCutsNorAlignment) {
  constexpr int64_t kCount = 65536 + 2 * kGradientChunk + 77;
  static const std::vector<float> weights = RandomFloats(kCount, "w", 0.02, 3);
  const auto run = [&](int threads, int64_t part, int shift) {
    HostPool pool(threads);
    UpdateState state(GetParam(), weights, shift);
    for (int64_t t = 1; t <= 2; ++t) {
      state.SetGradient(GradientAt(t, kCount));
      for (int64_t begin = 0; begin < kCount; begin += part) {
        Update(pool, Options(), StepAt(t), state.Arrays(true, kFirstIndex, begin, std::min(part, kCount - begin)));
      }
    }
    return state;
  };
  const UpdateState expected = run(1, kCount, 0);
  EXPECT_TRUE(SameState(run(3, kCount, 0), expected));
  EXPECT_TRUE(SameState(run(2, kGradientChunk, 0), expected));
  EXPECT_TRUE(SameState(run(5, 5 * kGradientChunk, 0), expected));
  const UpdateState shifted = run(2, 3 * kGradientChunk, 1);
  EXPECT_TRUE(SameBits(shifted.Weights(), expected.Weights()));
  EXPECT_TRUE(SameBits(shifted.Moments(false), expected.Moments(false)));
}

// What an element missed is made up in one pass, with or without a gradient behind it.
TEST_P(UpdateBits, MissedStepsInOnePassAreThoseOneAfterTheOther) {
  for (const int64_t count : {int64_t{300}, int64_t{2 * kGradientChunk}, int64_t{65536 + 2 * kGradientChunk + 77}}) {
    const std::vector<float> weights = RandomFloats(count, "w", 0.02, 3), zeros(static_cast<size_t>(count));
    for (const bool behind : {false, true}) {
      HostPool pool(2);
      UpdateState expected(GetParam(), weights), state(GetParam(), weights);
      // Moments that are not zero decay.
      for (UpdateState* one : {&expected, &state}) {
        one->SetGradient(GradientAt(1, count));
        Update(pool, Options(), StepAt(1), one->Arrays(true, kFirstIndex));
      }
      std::vector<UpdateStep> missed;
      expected.SetGradient(zeros);
      for (int64_t t = 2; t <= 5; ++t) {
        Update(pool, Options(), StepAt(t), expected.Arrays(true, kFirstIndex));
        missed.push_back(StepAt(t));
      }
      const UpdateStep last = StepAt(6);
      expected.SetGradient(GradientAt(6, count));
      state.SetGradient(GradientAt(6, count));
      if (behind) Update(pool, Options(), last, expected.Arrays(true, kFirstIndex));
      UpdateArrays arrays = state.Arrays(true, kFirstIndex);
      if (!behind) arrays.gradient = nullptr;
      UpdateMissed(pool, Options(), missed, behind ? &last : nullptr, arrays);
      EXPECT_TRUE(SameState(state, expected)) << count << " elements, " << (behind ? "and a gradient" : "no gradient");
    }
  }
}

TEST_P(UpdateBits, OfExtremeValuesAreThoseOfThePlainLoop) {
  HostPool pool(1);
  const float infinity = std::numeric_limits<float>::infinity(), largest = std::numeric_limits<float>::max();
  const float extremes[] = {
      0.0f,   -0.0f,   infinity, -infinity, largest, -largest, std::nanf(""), std::bit_cast<float>(0xffc12345u),
      1e-45f, -1e-40f, 1e-38f,   1.0f,      1e30f,   1e-20f,   -1e-20f,       1e19f};
  constexpr int64_t kCount = 16 * 256 + 40;
  std::vector<float> gradient(kCount), weights(kCount);
  for (int64_t i = 0; i < kCount; ++i) {
    // A block for each extreme among ordinary values, then all of them together.
    const int64_t block = i / 256;
    gradient[i] = block < 16 ? (i % 256 == 100 ? extremes[block]
                                : i % 3 == 0   ? 0.0f
                                               : 1e-3f * static_cast<float>(i % 11 - 5))
                             : extremes[i % 16];
    weights[i] = i % 5 == 0 ? 0.0f : 1e-2f * static_cast<float>(i % 17 - 8);
  }
  weights[700] = infinity, weights[701] = std::nanf(""), weights[702] = 1e-44f, weights[703] = largest;
  for (const double scale : {1.0, 0.0, 1e30, 1e-38}) {
    for (const double lr : {0.0, 1e-3}) {
      UpdateState expected(GetParam(), weights);
      std::vector<UpdateState> states;
      for ([[maybe_unused]] const int64_t target : SupportedTargets()) states.emplace_back(GetParam(), weights);
      for (int64_t t = 1; t <= 2; ++t) {
        const UpdateStep step{t, lr, scale, RandomKey(t, "extreme")};
        expected.SetGradient(gradient);
        PlainUpdate(Options(), step, expected, true, 0);
        for (size_t k = 0; k < states.size(); ++k) {
          const int64_t target = SupportedTargets()[k];
          const WithTarget with(target);
          states[k].SetGradient(gradient);
          Update(pool, Options(), step, states[k].Arrays());
          ASSERT_TRUE(SameState(states[k], expected))
              << hwy::TargetName(target) << ", scale " << scale << ", lr " << lr << ", step " << t;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hlm
