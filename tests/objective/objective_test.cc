// The losses against automatic differentiation of the papers' formulas in float64 (tools/goldens/make_objective_goldens.py), and what
// they must be at their limits.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/base/error.h"
#include "core/objective/policy.h"
#include "core/objective/preference.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

struct PairGolden {
  int kind;
  double v[12];  // beta, gamma, smoothing, s_w, n_w, ref_w, s_l, n_l, ref_l, loss, dloss / ds_w, dloss / ds_l
};
struct UnpairedGolden {
  int desirable;
  double v[8];  // beta, desirable weight, undesirable weight, kl, s, ref, loss, dloss / ds
};
struct PolicyGolden {
  int kind, ratio, kl, reduction;
  double v[8];  // clip low, clip high, dual clip, kl weight, cap, entropy weight, denominator, loss
  double logprobs[7], weights[7], advantages[7], old[7], reference[7], rollout[7], entropies[7], d_logprobs[7], d_entropies[7];
};

#include "tests/objective/objective_goldens.inc"

// Both sides are doubles; sums of some terms that partly cancel.
void ExpectClose(double actual, double expected, const char* what) {
  EXPECT_NEAR(actual, expected, 1e-11 * (1 + std::abs(expected))) << what;
}

TEST(PreferenceGoldens, LossAndSlopes) {
  for (const PairGolden& g : kPairGoldens) {
    SCOPED_TRACE(testing::Message() << "kind " << g.kind << ", golden " << &g - kPairGoldens);
    const auto& v = g.v;
    const PreferenceOptions options{static_cast<Preference>(g.kind), v[0], v[1], v[2], 0};
    CheckPreference(options);
    const PairLoss pair = LossOfPair(options, {v[3], v[4], v[5]}, {v[6], v[7], v[8]});
    ExpectClose(pair.loss, v[9], "loss");
    ExpectClose(pair.d_chosen, v[10], "d chosen");
    ExpectClose(pair.d_rejected, v[11], "d rejected");
    EXPECT_EQ(pair.sft, -v[3] / v[4]);
  }
}

TEST(UnpairedGoldens, LossAndSlope) {
  for (const UnpairedGolden& g : kUnpairedGoldens) {
    const auto& v = g.v;
    const UnpairedLoss one = LossOfUnpaired({v[0], v[1], v[2]}, g.desirable != 0, v[3], {v[4], 1, v[5]});
    ExpectClose(one.loss, v[6], "loss");
    ExpectClose(one.d_logprob, v[7], "slope");
    EXPECT_EQ(one.reward, v[0] * (v[4] - v[5]));
  }
}

std::vector<float> Floats(const double (&x)[7]) { return {std::begin(x), std::end(x)}; }

TEST(PolicyGoldens, LossAndSlopes) {
  for (const PolicyGolden& g : kPolicyGoldens) {
    SCOPED_TRACE(testing::Message() << "golden " << &g - kPolicyGoldens);
    PolicyOptions o;
    o.kind = static_cast<PolicyKind>(g.kind);
    o.ratio = static_cast<RatioLevel>(g.ratio);
    o.kl = static_cast<KlKind>(g.kl);
    o.reduction = static_cast<PolicyReduction>(g.reduction);
    o.clip_low = g.v[0], o.clip_high = g.v[1], o.dual_clip = g.v[2], o.kl_weight = g.v[3], o.importance_cap = g.v[4];
    o.entropy_weight = g.v[5], o.denominator = g.v[6];
    CheckPolicy(o);
    const auto logprobs = Floats(g.logprobs), advantages = Floats(g.advantages), old = Floats(g.old),
               reference = Floats(g.reference), rollout = Floats(g.rollout), entropies = Floats(g.entropies);
    const std::vector<double> weights(std::begin(g.weights), std::end(g.weights));
    std::vector<double> d_logprobs(7, 99.0), d_entropies(7, 99.0);
    const PolicySums sums =
        LossOfDocument(o, {logprobs, weights, advantages, old, reference, rollout, entropies, d_logprobs, d_entropies});
    ExpectClose(sums.loss, g.v[7], "loss");
    for (size_t i = 0; i < 7; ++i) {
      ExpectClose(d_logprobs[i], g.d_logprobs[i], "d logprob");
      ExpectClose(d_entropies[i], g.d_entropies[i], "d entropy");
    }
  }
}

TEST(Preference, AtEqualRatiosDpoIsLnTwoAndItsSlopeHalfOfBeta) {
  const PairLoss pair = LossOfPair({}, {-40.5, 12, -40.5}, {-80.25, 31, -80.25});
  EXPECT_DOUBLE_EQ(pair.loss, std::log(2.0));
  EXPECT_DOUBLE_EQ(pair.d_chosen, -0.05);
  EXPECT_DOUBLE_EQ(pair.d_rejected, 0.05);
}

TEST(Preference, FarAwayNothingOverflows) {
  for (int kind = 0; kind < kPreferences; ++kind) {
    for (const double far : {-1e6, 1e6}) {
      const PairLoss pair =
          LossOfPair({.kind = static_cast<Preference>(kind), .label_smoothing = 0.1}, {-1e-3, 1, far}, {-1e6, 1, -far});
      EXPECT_TRUE(std::isfinite(pair.loss) && std::isfinite(pair.d_chosen) && std::isfinite(pair.d_rejected)) << kind;
    }
  }
}

TEST(Preference, OddsOfACertainAnswerStayFinite) {
  const PairLoss pair = LossOfPair({.kind = Preference::kOrpo}, {0, 4, 0}, {0, 3, 0});
  EXPECT_TRUE(std::isfinite(pair.loss) && std::isfinite(pair.d_chosen) && std::isfinite(pair.d_rejected));
}

TEST(Preference, RefusesOptionsOutOfRange) {
  const auto code = [](PreferenceOptions o) { return CodeOf([&] { CheckPreference(o); }); };
  const double nan = std::nan("");
  EXPECT_EQ(code({.beta = 0}), Code::kInvalidArgument);
  EXPECT_EQ(code({.beta = nan}), Code::kInvalidArgument);
  EXPECT_EQ(code({.gamma = std::numeric_limits<double>::infinity()}), Code::kInvalidArgument);
  EXPECT_EQ(code({.label_smoothing = 1}), Code::kInvalidArgument);
  EXPECT_EQ(code({.label_smoothing = -0.1}), Code::kInvalidArgument);
  EXPECT_EQ(code({.kind = Preference::kRobust, .label_smoothing = 0.5}), Code::kInvalidArgument);
  EXPECT_EQ(code({.sft_weight = nan}), Code::kInvalidArgument);
}

// With the current log-probabilities as the old ones every ratio is exactly 1, clipped at nothing, and the slope is -A.
TEST(Policy, WithoutOldLogProbabilitiesTheRatioIsOne) {
  const std::vector<float> logprobs = {0, -1.5f, -0.25f}, advantages = {9, 2, -3};
  const std::vector<double> weights = {0, 1, 1};
  std::vector<double> slopes(3);
  const PolicySums sums =
      LossOfDocument({.clip_low = 0, .clip_high = 0, .denominator = 4},
                     {.logprobs = logprobs, .weights = weights, .advantages = advantages, .d_logprobs = slopes});
  EXPECT_EQ(sums.ratio, 2.0);
  EXPECT_EQ(sums.loss, 0.25);
  EXPECT_EQ(slopes, (std::vector<double>{0, -0.5, 0.75}));
  EXPECT_EQ(sums.clipped_low + sums.clipped_high + sums.clipped_dual, 0);
}

TEST(Policy, ClippedTokensAreCountedByTheirSide) {
  const std::vector<float> logprobs = {-1, -1, -1, -1}, old = {-3, 1, -4, -1}, advantages = {1, -1, -1, 1};
  const std::vector<double> weights(4, 1.0);
  std::vector<double> slopes(4);
  const PolicySums sums = LossOfDocument(
      {.dual_clip = 3, .denominator = 1},
      {.logprobs = logprobs, .weights = weights, .advantages = advantages, .old_logprobs = old, .d_logprobs = slopes});
  EXPECT_EQ(sums.clipped_high, 1);  // risen, and good
  EXPECT_EQ(sums.clipped_low, 1);   // fallen, and bad
  EXPECT_EQ(sums.clipped_dual, 1);  // risen twentyfold, and bad
  EXPECT_EQ(slopes, (std::vector<double>{0, 0, 0, -1}));
}

TEST(Policy, RatiosStayFinite) {
  const std::vector<float> logprobs = {-500, -0.5f}, old = {-0.5f, -500}, advantages = {-1, -1};
  const std::vector<double> weights(2, 1.0);
  std::vector<double> slopes(2);
  const PolicySums sums = LossOfDocument({.kl_weight = 1, .denominator = 1}, {.logprobs = logprobs,
                                                                              .weights = weights,
                                                                              .advantages = advantages,
                                                                              .old_logprobs = old,
                                                                              .reference_logprobs = old,
                                                                              .d_logprobs = slopes});
  EXPECT_TRUE(std::isfinite(sums.loss));
  for (const double slope : slopes) EXPECT_EQ(slope, 0);
}

TEST(Policy, RefusesOptionsOutOfRange) {
  const auto code = [](PolicyOptions o) {
    if (o.denominator == 0) o.denominator = 1;
    return CodeOf([&] { CheckPolicy(o); });
  };
  EXPECT_EQ(code({.clip_low = -0.1}), Code::kInvalidArgument);
  EXPECT_EQ(code({.clip_high = std::nan("")}), Code::kInvalidArgument);
  EXPECT_EQ(code({.dual_clip = 0.9}), Code::kInvalidArgument);
  EXPECT_EQ(code({.kl_weight = -1}), Code::kInvalidArgument);
  EXPECT_EQ(code({.importance_cap = -1}), Code::kInvalidArgument);
  EXPECT_EQ(code({.denominator = -1}), Code::kInvalidArgument);
  EXPECT_EQ(code({.kind = PolicyKind::kCispo, .dual_clip = 2}), Code::kInvalidArgument);
}

}  // namespace
}  // namespace hlm
