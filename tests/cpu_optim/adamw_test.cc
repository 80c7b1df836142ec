#include <atomic>
#include <limits>
#include <thread>

#include <gtest/gtest.h>

#include "cpu_optim/adamw_pipeline.h"
#include "cpu_optim/optimizer.h"
#include "tests/cpu_optim/adamw_reference.h"
#include "tests/cpu_optim/test_data.h"

namespace hlm {
namespace {

constexpr int64_t kSizes[] = {1, 15, 16, 17, 1023, 1024, 1025, 4095, 4096, 4097, 16384, 16385, 100003};

// What one run of updates works on, with either form of master and either type of gradient.
struct State {
  std::vector<float> weight, first_moment, second_moment;
  std::vector<bf16_t> hi;
  std::vector<uint16_t> lo;
  bool split = false;

  State(const std::vector<float>& weights, bool split)
      : first_moment(weights.size()), second_moment(weights.size()), split(split) {
    if (!split) {
      weight = weights;
      return;
    }
    for (const float w : weights) {
      hi.push_back(SplitMaster(w).hi);
      lo.push_back(SplitMaster(w).lo);
    }
  }
  int64_t n() const { return static_cast<int64_t>(first_moment.size()); }
  MasterArray Master(int64_t begin = 0) {
    MasterArray master;
    if (split) {
      master.hi = hi.data() + begin;
      master.lo = lo.data() + begin;
    } else {
      master.weight = weight.data() + begin;
    }
    return master;
  }
  std::vector<float> Weights() const {
    if (!split) return weight;
    std::vector<float> joined;
    for (size_t i = 0; i < hi.size(); ++i) joined.push_back(JoinMaster(hi[i], lo[i]));
    return joined;
  }
};

struct Gradient {
  std::vector<float> f32;
  std::vector<bf16_t> bf16;
  DType type;

  Gradient(std::vector<float> values, DType type) : f32(std::move(values)), bf16(ToBf16(f32)), type(type) {
    if (type == DType::kBF16) f32 = ToFloat(bf16);
  }
  const void* At(int64_t begin) const {
    return type == DType::kF32 ? static_cast<const void*>(f32.data() + begin) : static_cast<const void*>(bf16.data() + begin);
  }
};

void Update(HostPool& pool, const OptimizerOptions& options, const UpdateStep& step, State& state, const Gradient& gradient,
            bool decay, int64_t begin, int64_t count) {
  AdamW(pool, options, step, count, state.Master(begin), state.first_moment.data() + begin, state.second_moment.data() + begin,
        gradient.At(begin), gradient.type, decay);
}
void Update(HostPool& pool, const OptimizerOptions& options, const UpdateStep& step, State& state, const Gradient& gradient,
            bool decay) {
  Update(pool, options, step, state, gradient, decay, 0, state.n());
}

void ExpectSameState(const State& a, const State& b) {
  EXPECT_TRUE(SameBits(a.Weights(), b.Weights()));
  EXPECT_TRUE(SameBits(a.first_moment, b.first_moment));
  EXPECT_TRUE(SameBits(a.second_moment, b.second_moment));
}

// The update in double beside a running bound of what fp32 may be away from it: each rounding of the pipeline adds at most half
// an ulp (u) of its result, and errors already there pass through the formula to first order.
class BoundedReference {
 public:
  explicit BoundedReference(const std::vector<float>& weights)
      : weight_(weights.begin(), weights.end()),
        first_(weights.size()),
        second_(weights.size()),
        weight_error_(weights.size()),
        first_error_(weights.size()),
        second_error_(weights.size()) {}

  void Step(const OptimizerOptions& options, const UpdateStep& step, const std::vector<float>& gradient, bool decay) {
    const std::vector<double> w0 = weight_, m0 = first_, v0 = second_, g(gradient.begin(), gradient.end());
    AdamWReference(options, step, static_cast<int64_t>(g.size()), weight_.data(), first_.data(), second_.data(), g.data(), decay);
    const double t = static_cast<double>(step.step);
    const double rate = step.lr / (1 - std::pow(options.beta1, t)), root = std::sqrt(1 - std::pow(options.beta2, t));
    for (size_t i = 0; i < g.size(); ++i) {
      const double gs = std::abs(step.gradient_scale * g[i]);
      // m: scale, product with it, gain, product: 4 u of the new part; beta, product and sum: 3 u of each part.
      first_error_[i] =
          options.beta1 * first_error_[i] + kU * (3 * options.beta1 * std::abs(m0[i]) + 7 * (1 - options.beta1) * gs) + kTiny;
      // v: the scaled gradient twice (4 u), square, gain, product, sum.
      second_error_[i] =
          options.beta2 * second_error_[i] + kU * (3 * options.beta2 * v0[i] + 8 * (1 - options.beta2) * gs * gs) + kTiny;
      const double denominator = std::sqrt(second_[i]) / root + options.eps;
      // The root halves a relative error, but a second moment near nothing is known only to the root of its error.
      const double root_error = second_[i] > 4 * second_error_[i] ? 0.6 * second_error_[i] / std::sqrt(second_[i])
                                                                  : std::sqrt(2 * second_error_[i] + second_[i]);
      const double denominator_error = root_error / root + 6 * kU * denominator;
      const double change = rate * std::abs(first_[i]) / denominator;
      // A denominator that may vanish bounds nothing; the tests' gradients keep away from it.
      ASSERT_LT(denominator_error, 0.5 * denominator) << "element " << i;
      const double change_error = rate * first_error_[i] / (denominator - denominator_error) +
                                  change * (denominator_error / (denominator - denominator_error) + 5 * kU);
      weight_error_[i] += change_error + kU * (3 * std::abs(w0[i]) + change) + kTiny;
    }
  }

  void Check(const State& state) const {
    const std::vector<float> weights = state.Weights();
    for (size_t i = 0; i < weights.size(); ++i) {
      ASSERT_NEAR(weights[i], weight_[i], weight_error_[i]) << "weight " << i << " of " << weights.size();
      ASSERT_NEAR(state.first_moment[i], first_[i], first_error_[i]) << "first moment " << i;
      ASSERT_NEAR(state.second_moment[i], second_[i], second_error_[i]) << "second moment " << i;
    }
  }
  double WeightError(size_t i) const { return weight_error_[i]; }

 private:
  static constexpr double kU = 0x1p-24 * 1.01;  // half an ulp; the percent is for products of errors
  static constexpr double kTiny = 0x1p-149;     // half an ulp of subnormal numbers, twice
  std::vector<double> weight_, first_, second_, weight_error_, first_error_, second_error_;
};

struct Case {
  bool split;
  DType gradient_type;
  bool decay;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << (c.split ? "split" : "fp32") << " master, " << Name(c.gradient_type) << " gradient, decay " << c.decay;
}

class AdamWForms : public ::testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(All, AdamWForms,
                         ::testing::Values(Case{false, DType::kF32, true}, Case{false, DType::kBF16, false},
                                           Case{true, DType::kF32, false}, Case{true, DType::kBF16, true}),
                         [](const auto& c) {
                           return std::string(c.param.split ? "Split" : "Fp32") +
                                  (c.param.gradient_type == DType::kF32 ? "F32" : "Bf16") + (c.param.decay ? "Decay" : "NoDecay");
                         });

TEST_P(AdamWForms, StaysWithinAFewUlpOfTheDoubleLoopForEverySize) {
  HostPool pool(2);
  const OptimizerOptions options{.weight_decay = 0.1};
  for (const int64_t n : kSizes) {
    SCOPED_TRACE(n);
    const std::vector<float> weights = RandomFloats(n, "w", 0.02, 2);
    State state(weights, GetParam().split);
    BoundedReference reference(weights);
    for (int64_t t = 1; t <= 3; ++t) {
      const UpdateStep step{t, 1e-3 / static_cast<double>(t), t == 2 ? 0.37 : 1.0};
      const Gradient gradient(RandomFloats(n, t == 1 ? "g1" : t == 2 ? "g2" : "g3", 1e-2, 4), GetParam().gradient_type);
      Update(pool, options, step, state, gradient, GetParam().decay);
      reference.Step(options, step, gradient.f32, GetParam().decay);
      reference.Check(state);
    }
    // The bound says something: a rate of 1e-3 is known to about a millionth, a weight of 0.02 to a few ulp.
    EXPECT_LT(reference.WeightError(0), 1e-7);
  }
}

TEST_P(AdamWForms, FollowsTheDoubleLoopOverManySteps) {
  HostPool pool(2);
  const OptimizerOptions options{.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1};
  constexpr int64_t kCount = 1500;
  const std::vector<float> weights = RandomFloats(kCount, "w", 0.02);
  State state(weights, GetParam().split);
  BoundedReference reference(weights);
  for (int64_t t = 1; t <= 300; ++t) {
    const UpdateStep step{t, 1e-3 * (1 - static_cast<double>(t) / 400), 0.5 + 0.001 * static_cast<double>(t)};
    const Gradient gradient(RandomFloats(kCount, std::to_string(t).c_str(), 1e-3), GetParam().gradient_type);
    Update(pool, options, step, state, gradient, GetParam().decay);
    reference.Step(options, step, gradient.f32, GetParam().decay);
  }
  reference.Check(state);
  EXPECT_LT(reference.WeightError(0), 1e-5);
}

TEST_P(AdamWForms, HasTheSameBitsForAnyThreadsCutsAndAlignment) {
  constexpr int64_t kCount = 100003;
  const OptimizerOptions options{.weight_decay = 0.1};
  const std::vector<float> weights = RandomFloats(kCount, "w", 0.02, 3);
  const Gradient gradients[] = {Gradient(RandomFloats(kCount, "g1", 1e-2, 6), GetParam().gradient_type),
                                Gradient(RandomFloats(kCount, "g2", 1e-2, 6), GetParam().gradient_type)};
  const UpdateStep steps[] = {{1, 1e-3, 1.0}, {2, 7e-4, 0.31}};

  const auto run = [&](int threads, int64_t part) {
    HostPool pool(threads);
    State state(weights, GetParam().split);
    for (int t = 0; t < 2; ++t) {
      for (int64_t begin = 0; begin < kCount; begin += part) {
        Update(pool, options, steps[t], state, gradients[t], GetParam().decay, begin, std::min(part, kCount - begin));
      }
    }
    return state;
  };
  const State expected = run(1, kCount);
  for (const int threads : {2, 3, 7}) ExpectSameState(run(threads, kCount), expected);
  for (const int64_t part : {kGradientChunk, 3 * kGradientChunk, 5 * kGradientChunk}) ExpectSameState(run(2, part), expected);
  // Not promised for parts of a unit, but true since the update is elementwise: whatever place in a tile an element has.
  for (const int64_t part : {int64_t{777}, int64_t{20011}}) ExpectSameState(run(2, part), expected);
}

TEST(AdamW, PrimitivesAreGeneratedCode) {
  for (const std::string& name : AdamWPipeline(0.9f, 0.999f).Implementations()) EXPECT_EQ(name.substr(0, 4), "jit:") << name;
}

TEST(AdamW, APipelineIsMadeOnceForAThreadAndServesEveryRate) {
  HostPool pool(1);
  const AdamWPipeline* first = nullptr;
  pool.ParallelFor(1, [&](int64_t) { first = &AdamWPipeline::OfThisThread(0.9f, 0.999f); });
  const OptimizerOptions options;
  std::vector<float> weights(20000, 1.0f);
  State state(weights, false);
  const Gradient gradient(std::vector<float>(20000, 0.5f), DType::kF32);
  for (int64_t t = 1; t <= 20; ++t) {
    const double lr = 0.01 * static_cast<double>(t % 5);
    const float before = state.weight[19999];
    Update(pool, options, {t, lr, 1.0}, state, gradient, false);
    // The gradient is constant, so m and sqrt(v), corrected, are equal to it: each step moves by its own rate.
    EXPECT_NEAR(before - state.weight[19999], lr, 1e-6) << "step " << t;
  }
  const AdamWPipeline* last = nullptr;
  pool.ParallelFor(1, [&](int64_t) { last = &AdamWPipeline::OfThisThread(0.9f, 0.999f); });
  EXPECT_EQ(first, last);
}

TEST(AdamW, PreparingBuildsThePipelineOfEveryThread) {
  for (const int threads : {1, 3}) {
    HostPool pool(threads);
    PrepareOptimizer(pool, OptimizerOptions{.beta1 = 0.8, .beta2 = 0.95});
    std::atomic<int> arrived = 0;
    pool.ParallelFor(threads, [&](int64_t item) {
      for (++arrived; arrived < threads;) std::this_thread::yield();  // each thread takes one item
      EXPECT_TRUE(AdamWPipeline::IsMadeForThisThread(0.8f, 0.95f)) << "item " << item;
      EXPECT_FALSE(AdamWPipeline::IsMadeForThisThread(0.7f, 0.95f));
    });
  }
  HostPool pool(1);
  ExpectError(Code::kInvalidArgument, [&] { PrepareOptimizer(pool, OptimizerOptions{.beta2 = 1.0}); });
}

TEST(AdamW, SeveralPairsOfDecayRatesShareAPool) {
  HostPool pool(2);
  for (int round = 0; round < 2; ++round) {
    for (const double beta1 : {0.0, 0.5, 0.8, 0.9, 0.95, 0.99}) {
      const OptimizerOptions options{.beta1 = beta1, .beta2 = beta1 * beta1};
      const std::vector<float> weights = RandomFloats(2000, "w", 0.02);
      State state(weights, true);
      BoundedReference reference(weights);
      for (int64_t t = 1; t <= 3; ++t) {
        const Gradient gradient(RandomFloats(2000, std::to_string(t).c_str(), 1.0, 1), DType::kF32);
        Update(pool, options, {t, 1e-3, 1.0}, state, gradient, false);
        reference.Step(options, {t, 1e-3, 1.0}, gradient.f32, false);
      }
      reference.Check(state);
    }
  }
}

TEST(AdamW, UpdatesBelowHalfAnUlpOfBf16AddUpExactlyAsInFp32) {
  HostPool pool(2);
  constexpr int64_t kCount = 5000;
  const std::vector<float> weights(kCount, 1.0f);
  State split(weights, true), whole(weights, false);
  const Gradient gradient(std::vector<float>(kCount, 1e-3f), DType::kBF16);
  const OptimizerOptions options;
  for (int64_t t = 1; t <= 400; ++t) {
    // 1e-5 against half an ulp of 2e-3: rounded to bf16 at each step no weight would ever change.
    Update(pool, options, {t, 1e-5, 1.0}, split, gradient, false);
    Update(pool, options, {t, 1e-5, 1.0}, whole, gradient, false);
    if (t == 1) {
      EXPECT_EQ(split.hi[0], FloatToBf16(1.0f));
      EXPECT_NE(split.Weights()[0], 1.0f);
    }
  }
  ExpectSameState(split, whole);
  EXPECT_NEAR(split.Weights()[0], 1.0 - 400 * 1e-5, 400 * 0x1p-24);
  EXPECT_NE(split.hi[0], FloatToBf16(1.0f));
}

TEST(AdamW, SplitAndFp32MastersHaveTheSameBits) {
  HostPool pool(2);
  const std::vector<float> weights = RandomFloats(30000, "w", 0.02, 6);
  State split(weights, true), whole(weights, false);
  for (int64_t t = 1; t <= 5; ++t) {
    const Gradient gradient(RandomFloats(30000, std::to_string(t).c_str(), 1e-3, 6), DType::kBF16);
    Update(pool, OptimizerOptions{}, {t, 1e-3, 0.7}, split, gradient, true);
    Update(pool, OptimizerOptions{}, {t, 1e-3, 0.7}, whole, gradient, true);
  }
  ExpectSameState(split, whole);
}

TEST(AdamW, ZeroGradientsOfAFreshStateChangeOnlyByDecay) {
  HostPool pool(1);
  const std::vector<float> weights = RandomFloats(3000, "w", 1.0);
  State plain(weights, true), decayed(weights, true);
  const Gradient zero(std::vector<float>(3000), DType::kF32);
  Update(pool, OptimizerOptions{}, {1, 1e-3, 1.0}, plain, zero, false);
  EXPECT_TRUE(SameBits(plain.Weights(), weights));
  Update(pool, OptimizerOptions{.weight_decay = 0.1}, {1, 1e-3, 1.0}, decayed, zero, true);
  const std::vector<float> after = decayed.Weights();
  for (size_t i = 0; i < after.size(); ++i) {
    const float expected = weights[i] * static_cast<float>(1 - 1e-3 * 0.1);
    ASSERT_EQ(after[i], expected);
  }
}

TEST(AdamW, SubnormalAndHugeValuesBehave) {
  HostPool pool(2);
  const float smallest = std::numeric_limits<float>::denorm_min();
  const std::vector<float> weights = {smallest, -smallest, 1e-40f, 3e38f, -3e38f, 0.0f, -0.0f, 1e-30f};
  std::vector<float> gradients = {smallest, 1e-40f, -1e-39f, 1e30f, -1e19f, 1e-20f, -1e-20f, 1e-25f};
  State state(weights, true);
  const Gradient gradient(gradients, DType::kF32);
  Update(pool, OptimizerOptions{}, {1, 1e-3, 1.0}, state, gradient, false);
  for (const float w : state.Weights()) EXPECT_TRUE(std::isfinite(w)) << w;
  // Squares overflow to infinity and the update becomes 0; the weight must survive.
  EXPECT_EQ(state.Weights()[3], 3e38f);
  EXPECT_TRUE(std::isinf(state.second_moment[3]));
  EXPECT_NEAR(state.Weights()[7], -1e-3 * 1e-25 / (1e-25 + 1e-8), 1e-24);
}

TEST(AdamW, ANanGradientGivesTheCanonicalNanAndNothingElse) {
  HostPool pool(1);
  const std::vector<float> weights(100, 1.0f);
  State state(weights, true);
  std::vector<float> gradients(100, 0.1f);
  gradients[37] = std::bit_cast<float>(0xffffffffu);
  Update(pool, OptimizerOptions{}, {1, 1e-3, 1.0}, state, Gradient(gradients, DType::kF32), true);
  for (int i = 0; i < 100; ++i) {
    if (i == 37) {
      EXPECT_EQ(state.hi[i], 0x7fc0);
      EXPECT_EQ(state.lo[i], 0);
    } else {
      EXPECT_TRUE(std::isfinite(state.Weights()[i])) << i;
    }
  }
}

TEST(AdamW, RefusesOptionsOutsideTheirRangeByName) {
  HostPool pool(1);
  State state({1.0f}, false);
  const Gradient gradient({1.0f}, DType::kF32);
  const auto refused = [&](const OptimizerOptions& options, const UpdateStep& step, const char* name) {
    const std::string message = ExpectError(Code::kInvalidArgument, [&] { Update(pool, options, step, state, gradient, false); });
    EXPECT_NE(message.find(name), std::string::npos) << message;
  };
  const double nan = std::nan("");
  for (const double beta : {-0.1, 1.0, 1.0 - 1e-12, nan}) {
    refused({.beta1 = beta}, {1, 1e-3, 1.0}, "beta1");
    refused({.beta2 = beta}, {1, 1e-3, 1.0}, "beta2");
  }
  refused({.eps = -1e-8}, {1, 1e-3, 1.0}, "eps");
  refused({.weight_decay = nan}, {1, 1e-3, 1.0}, "weight_decay");
  refused({}, {0, 1e-3, 1.0}, "step");
  refused({}, {1, nan, 1.0}, "learning rate");
  refused({}, {1, 1e-3, std::numeric_limits<double>::infinity()}, "gradient scale");
  EXPECT_EQ(state.weight[0], 1.0f);
}

TEST(AdamW, RefusesIncompleteArrays) {
  HostPool pool(1);
  std::vector<float> a(4), b(4), c(4), g(4);
  std::vector<uint16_t> h(4);
  const auto refused = [&](const MasterArray& master, float* m, float* v, const void* gradient, DType type) {
    ExpectError(Code::kInvalidArgument, [&] { AdamW(pool, {}, {1, 1e-3, 1.0}, 4, master, m, v, gradient, type, false); });
  };
  refused({}, b.data(), c.data(), g.data(), DType::kF32);
  refused({nullptr, h.data(), nullptr}, b.data(), c.data(), g.data(), DType::kF32);
  refused({a.data(), h.data(), h.data()}, b.data(), c.data(), g.data(), DType::kF32);
  refused({a.data()}, nullptr, c.data(), g.data(), DType::kF32);
  refused({a.data()}, b.data(), nullptr, g.data(), DType::kF32);
  refused({a.data()}, b.data(), c.data(), nullptr, DType::kF32);
  refused({a.data()}, b.data(), c.data(), g.data(), DType::kF16);
  AdamW(pool, {}, {1, 1e-3, 1.0}, 0, {}, nullptr, nullptr, nullptr, DType::kF32, false);
}

}  // namespace
}  // namespace hlm
