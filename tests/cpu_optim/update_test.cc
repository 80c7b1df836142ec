// The fused update against plain loops in double, against oneDNN's pipeline, and everything it refuses.
#include <limits>

#include <gtest/gtest.h>

#include "tests/cpu_optim/update_reference.h"

namespace hlm {
namespace {

class Updates : public ::testing::TestWithParam<Form> {};
INSTANTIATE_TEST_SUITE_P(AllForms, Updates, ::testing::ValuesIn(AllForms()), [](const auto& f) { return NameOf(f.param); });

// Forty steps in double beside the fused ones. Gradients are those of a noisy constant, so that moments become something.
TEST_P(Updates, FollowADoubleLoopWithinTheirStorage) {
  const Form form = GetParam();
  const OptimizerOptions options{.algorithm = form.algorithm, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1};
  HostPool pool(2);
  constexpr int64_t kCount = 4000, kSteps = 40;
  UpdateState state(form, RandomFloats(kCount, "w", 0.5));
  const std::vector<float> start = state.Weights();
  std::vector<double> w(start.begin(), start.end()), m(kCount), v(kCount);
  const std::vector<float> mean = RandomFloats(kCount, "mean", 1e-2);
  for (int64_t t = 1; t <= kSteps; ++t) {
    const UpdateStep step{t, 1e-3, 0.8, RandomKey(t, "update")};
    std::vector<float> g = RandomFloats(kCount, std::to_string(t).c_str(), 1e-2);
    for (int64_t i = 0; i < kCount; ++i) g[i] += mean[i];
    state.SetGradient(g);
    Update(pool, options, step, state.Arrays());
    const ElementStep<double> element(options, step, true);
    for (int64_t i = 0; i < kCount; ++i) element(form.algorithm, static_cast<double>(state.Gradient(i)), w[i], m[i], v[i]);
  }
  const std::vector<float> weights = state.Weights(), first = state.Moments(false), second = state.Moments(true);
  const auto relative = [&](const auto& values,
                            const std::vector<double>& exact) {  // root mean square of the error by that of the value
    double error = 0, size = 0;
    for (int64_t i = 0; i < kCount; ++i) {
      error += (values[i] - exact[i]) * (values[i] - exact[i]);
      size += exact[i] * exact[i];
    }
    return std::sqrt(error / size);
  };
  std::vector<double> change(kCount), exact_change(kCount);
  for (int64_t i = 0; i < kCount; ++i) {
    change[i] = static_cast<double>(weights[i]) - start[i];
    exact_change[i] = w[i] - start[i];
  }
  // fp32: 40 steps of a few roundings of 2^-24. bf16: about 1 / (1 - beta) roundings of at most 2^-8 that add up as a random
  // walk. 8 bits: steps of 1.6 % near the largest of a block and 5 % at a tenth of it. Where the decay is a part of the gradient,
  // the rounding of bf16 weights (0.2 % of them, five times a gradient's decay) is in the moments.
  const bool decay_of_rounded =
      form.master == MasterForm::kBf16 && (form.algorithm == Algorithm::kAdam || form.algorithm == Algorithm::kSgd);
  const double moment_limit = decay_of_rounded                  ? 0.08
                              : form.states == StateType::kF32  ? 1e-6
                              : form.states == StateType::kBF16 ? 0.01
                                                                : 0.06;
  EXPECT_LT(relative(first, m), moment_limit);
  if (MomentCount(form.algorithm) == 2) {
    EXPECT_LT(relative(second, v), moment_limit);
  }
  // Weights of about 0.5 move by 0.001 a step; bf16 has steps of 2e-3 there, so 40 roundings walk by half the way that is gone.
  // Lion turns by the sign, which any error of a moment near zero may change.
  const bool exact_master = form.master != MasterForm::kBf16;
  double limit = form.states == StateType::kF32 ? 1e-4 : form.states == StateType::kBF16 ? 0.01 : 0.06;
  if (form.algorithm == Algorithm::kLion) limit = form.states == StateType::kF32 ? 0.01 : 0.12;
  if (exact_master) {
    EXPECT_LT(relative(change, exact_change), limit);
  } else {
    double error = 0;
    for (int64_t i = 0; i < kCount; ++i) error += change[i] - exact_change[i];
    // No bias: the mean error of 4000 walks of 40 roundings, each of a deviation of at most half a step of 2^-8.
    EXPECT_NEAR(error / kCount, 0, 5 * std::sqrt(40.0) * 0x1p-9 / std::sqrt(4000.0));
  }
  if (form.states == StateType::kF32 && exact_master && form.algorithm != Algorithm::kLion) {
    for (int64_t i = 0; i < kCount; ++i) ASSERT_NEAR(weights[i], w[i], 40 * 4 * 0x1p-24 * (1 + std::abs(w[i]))) << i;
  }
}

TEST(Update, NamesItsPathWithTheInstructionSetWhereThatCounts) {
  EXPECT_EQ(OptimizerPath(UpdatePath::kFused), "fused 1");
  EXPECT_EQ(OptimizerPath(UpdatePath::kOneDnn).rfind("onednn 1, ", 0), 0u) << OptimizerPath(UpdatePath::kOneDnn);
}

TEST(Update, OneDnnTakesAdamWWithExactStatesOnly) {
  HostPool pool(2);
  for (const Algorithm algorithm : {Algorithm::kAdamW, Algorithm::kAdam, Algorithm::kSgd, Algorithm::kLion}) {
    for (const StateType states : {StateType::kF32, StateType::kBF16, StateType::kInt8}) {
      for (const MasterForm master : {MasterForm::kF32, MasterForm::kSplit, MasterForm::kBf16}) {
        UpdateState state({algorithm, master, states, DType::kF32}, RandomFloats(513, "w", 0.02, 2));
        const std::vector<float> before = state.Weights();
        state.SetGradient(RandomFloats(513, "g", 0.01, 2));
        const bool taken = algorithm == Algorithm::kAdamW && states == StateType::kF32 && master != MasterForm::kBf16;
        EXPECT_EQ(Takes(UpdatePath::kOneDnn, algorithm, states, master != MasterForm::kBf16), taken);
        EXPECT_TRUE(Takes(UpdatePath::kFused, algorithm, states, master != MasterForm::kBf16));
        const OptimizerOptions options{.algorithm = algorithm, .path = UpdatePath::kOneDnn};
        const auto update = [&] { Update(pool, options, {1, 1e-2, 1.0, 5}, state.Arrays()); };
        if (taken) {
          update();
          EXPECT_NE(state.Weights(), before);
        } else {
          EXPECT_NE(ExpectError(Code::kInvalidArgument, update).find("oneDNN"), std::string::npos);
          EXPECT_EQ(state.Weights(), before);
        }
      }
    }
  }
}

TEST(Update, EqualsThePipelineOfPrimitivesWithinAFewUlp) {
  HostPool pool(2);
  for (const MasterForm master : {MasterForm::kF32, MasterForm::kSplit}) {
    for (const DType gradient : {DType::kF32, DType::kBF16}) {
      const Form form{Algorithm::kAdamW, master, StateType::kF32, gradient};
      const std::vector<float> weights = RandomFloats(20011, "w", 0.02, 2);
      UpdateState fused(form, weights), pipeline(form, weights);
      for (int64_t t = 1; t <= 5; ++t) {
        const UpdateStep step{t, 1e-3, 0.7};
        const std::vector<float> g = RandomFloats(20011, std::to_string(t).c_str(), 1e-2, 2);
        fused.SetGradient(g);
        pipeline.SetGradient(g);
        Update(pool, {}, step, fused.Arrays());
        Update(pool, {.path = UpdatePath::kOneDnn}, step, pipeline.Arrays());
      }
      const auto near = [&](const std::vector<float>& a, const std::vector<float>& b, double absolute, const char* what) {
        // Five steps, each with a handful of roundings of half an ulp on either side; sums that cancel keep the size of their
        // terms.
        for (size_t i = 0; i < a.size(); ++i)
          ASSERT_NEAR(a[i], b[i], 5 * 4 * 0x1p-23 * (std::abs(b[i]) + absolute)) << what << " " << i;
      };
      near(fused.Weights(), pipeline.Weights(), 1e-3, "weight");
      near(fused.Moments(false), pipeline.Moments(false), 1e-2, "first moment");
      near(fused.Moments(true), pipeline.Moments(true), 0, "second moment");
    }
  }
}

TEST(Update, RandomBitsAreUniformAndOfEachElementAlone) {
  // 2^16 blocks would take long; 2000 blocks are half a million draws of each kind.
  constexpr int kBlocks = 2000;
  double bits[48] = {}, product[3] = {}, neighbours[3] = {}, cells[3][16] = {};
  for (int b = 0; b < kBlocks; ++b) {
    const BlockRandomKey key = MakeBlockRandomKey(RandomKey(7, "update"), static_cast<uint64_t>(b));
    double last[3] = {};
    for (uint32_t place = 0; place < kStateBlock; ++place) {
      const UpdateRandom r = RandomOfUpdate(key, place);
      const uint16_t words[3] = {r.first_moment, r.second_moment, r.weight};
      double centred[3];
      for (int k = 0; k < 3; ++k) {
        for (int bit = 0; bit < 16; ++bit) bits[16 * k + bit] += words[k] >> bit & 1;
        cells[k][words[k] >> 12] += 1;
        centred[k] = (words[k] + 0.5) / 65536 - 0.5;
        neighbours[k] += last[k] * centred[k];
        last[k] = centred[k];
      }
      product[0] += centred[0] * centred[1], product[1] += centred[1] * centred[2], product[2] += centred[0] * centred[2];
    }
  }
  constexpr double kDraws = kBlocks * 256.0;
  for (const double ones : bits) EXPECT_NEAR(ones / kDraws, 0.5, 5 * 0.5 / std::sqrt(kDraws));  // five deviations
  for (int k = 0; k < 3; ++k) {
    for (const double cell : cells[k]) EXPECT_NEAR(cell / kDraws, 1.0 / 16, 5 * std::sqrt(15.0 / 256 / kDraws));
    EXPECT_NEAR(product[k] / kDraws, 0, 5.0 / 12 / std::sqrt(kDraws));
    EXPECT_NEAR(neighbours[k] / kDraws, 0, 5.0 / 12 / std::sqrt(kDraws));
  }
}

TEST(Update, TinyUpdatesOfBf16WeightsAddUpOnAverage) {
  HostPool pool(2);
  constexpr int64_t kCount = 20000;
  const Form form{Algorithm::kAdamW, MasterForm::kBf16, StateType::kBF16, DType::kBF16};
  UpdateState state(form, std::vector<float>(kCount, 1.0f));
  state.SetGradient(std::vector<float>(kCount, 1e-3f));
  for (int64_t t = 1; t <= 400; ++t) Update(pool, {}, {t, 1e-5, 1.0, RandomKey(t, "update")}, state.Arrays(false));
  double mean = 0;
  for (const float w : state.Weights()) mean += w / kCount;
  // Each step is 1e-5 of a spacing of 4e-3; rounded to nearest no weight would move. 400 steps of chance 1/390 each: the number
  // of jumps has a deviation of about 1, that of the mean over 20000 weights is 2.8e-5.
  EXPECT_NEAR(mean, 1 - 400 * 1e-5, 1.5e-4);
}

TEST(Update, ZerosStayZeroSoPaddingDoes) {
  HostPool pool(1);
  for (const Form& form : AllForms()) {
    UpdateState state(form, std::vector<float>(600, 0.0f));
    const UpdateState before = state;
    for (int64_t t = 1; t <= 3; ++t) Update(pool, {.algorithm = form.algorithm}, {t, 1e-2, 1.0, 5}, state.Arrays());
    EXPECT_TRUE(SameState(state, before)) << NameOf(form);
  }
}

TEST(Update, ANumberThatIsNotFiniteIsFoundInItsWeight) {
  HostPool pool(1);
  for (const Form& form : AllForms()) {
    UpdateState state(form, std::vector<float>(1024, 0.5f));
    std::vector<float> g(1024, 1e-3f);
    g[300] = std::nanf("");
    state.SetGradient(g);
    Update(pool, {.algorithm = form.algorithm}, {1, 1e-2, 1.0, 5}, state.Arrays());
    const std::vector<float> w = state.Weights(), m = state.Moments(false);
    for (int64_t i = 0; i < 1024; ++i) {
      ASSERT_EQ(std::isnan(w[i]), i == 300) << NameOf(form) << " " << i;
      ASSERT_EQ(std::isnan(m[i]), form.states == StateType::kInt8 ? i / 256 == 1 : i == 300) << NameOf(form) << " " << i;
    }
  }
}

TEST(Update, RefusesWhatItCannotDo) {
  HostPool pool(1);
  const Form form{Algorithm::kAdamW, MasterForm::kSplit, StateType::kInt8, DType::kBF16};
  UpdateState state(form, std::vector<float>(512, 0.5f));
  const UpdateState before = state;
  const auto refuse = [&](auto change, const char* part) {
    OptimizerOptions options;
    UpdateStep step{1, 1e-3, 1.0};
    UpdateArrays arrays = state.Arrays();
    change(options, step, arrays);
    EXPECT_NE(ExpectError(Code::kInvalidArgument, [&] { Update(pool, options, step, arrays); }).find(part), std::string::npos)
        << part;
    EXPECT_TRUE(SameState(state, before));
  };
  refuse([](auto& o, auto&, auto&) { o.beta1 = 1; }, "beta1");
  refuse([](auto& o, auto&, auto&) { o.algorithm = static_cast<Algorithm>(9); }, "optimizer 9");
  refuse([](auto&, auto& s, auto&) { s.step = 0; }, "step 0");
  refuse([](auto&, auto& s, auto&) { s.lr = std::nan(""); }, "learning rate");
  refuse([](auto&, auto& s, auto&) { s.gradient_scale = HUGE_VAL; }, "gradient scale");
  refuse([](auto&, auto&, auto& a) { a.n = -1; }, "-1");
  refuse([](auto&, auto&, auto& a) { a.master.hi = nullptr; }, "master");
  refuse([](auto&, auto&, auto& a) { a.master.weight = a.first.scales; }, "master");
  refuse([](auto&, auto&, auto& a) { a.first.values = nullptr; }, "first moment");
  refuse([](auto&, auto&, auto& a) { a.first.scales = nullptr; }, "first moment's scales");
  refuse([](auto&, auto&, auto& a) { a.second.values = nullptr; }, "second moment");
  refuse([](auto&, auto&, auto& a) { a.second.scales = nullptr; }, "second moment's scales");
  refuse([](auto&, auto&, auto& a) { a.gradient = nullptr; }, "gradient");
  refuse([](auto&, auto&, auto& a) { a.gradient_type = DType::kF16; }, "f16");
  refuse([](auto&, auto&, auto& a) { a.first_index = 128; }, "128");
  UpdateArrays nothing;
  Update(pool, {}, {1, 1e-3, 1.0}, nothing);
}

}  // namespace
}  // namespace hlm
