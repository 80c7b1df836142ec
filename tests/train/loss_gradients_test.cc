// The gradients of losses on log-probabilities against differences of the losses themselves.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "core/base/error.h"
#include "tests/train/losses_rig.h"

namespace hlm {
namespace {

// Gradients against central differences of the loss itself, through the whole model. f32 rounding of a loss of some units is 1e-7, a
// step of 1e-2 makes that 1e-5 of the difference quotient, and the cubic term is of the size of the step squared; so the bound is
// 2e-3 of the gradient's norm, for elements chosen at random.
using Loss = std::function<double(Trainer&)>;
void CheckGradient(Rig* rig, const Loss& loss) {
  rig->trainer->Discard();
  loss(*rig->trainer);
  struct Spot {
    const char* name;
    size_t element;
    float slope;
  };
  std::vector<Spot> spots = {{"model.embed_tokens.weight", 0, 0},
                             {"model.layers.0.self_attn.q_proj.weight", 77, 0},
                             {"model.layers.1.mlp.down_proj.weight", 301, 0},
                             {"model.layers.2.mlp.gate_proj.weight", 5, 0},
                             {"model.norm.weight", 3, 0},
                             {"lm_head.weight", 40, 0},
                             {"model.layers.2.self_attn.v_proj.weight", 11, 0}};
  double most = 0;
  for (Spot& spot : spots) {
    spot.slope = rig->ReadOne(spot.name, TensorKind::kGradient, spot.element);
    most = std::max(most, std::abs(static_cast<double>(spot.slope)));
  }
  EXPECT_GT(most, 0);
  for (const Spot& spot : spots) {
    const float at = rig->ReadOne(spot.name, TensorKind::kWeight, spot.element);
    const auto move = [&](float by) {
      rig->trainer->Discard();
      rig->WriteOne(spot.name, spot.element, at + by);
      return loss(*rig->trainer);
    };
    const float h = 1e-2f;
    // Richardson: the cubic term falls out.
    const double wide = (move(2 * h) - move(-2 * h)) / (4 * static_cast<double>(h)),
                 narrow = (move(h) - move(-h)) / (2 * static_cast<double>(h));
    rig->trainer->Discard();
    rig->WriteOne(spot.name, spot.element, at);
    EXPECT_NEAR(spot.slope, (4 * narrow - wide) / 3, 2e-3 * most + 2e-4 * std::abs(narrow)) << spot.name << " " << spot.element;
  }
}

TEST(PreferenceGradient, OfEveryKindIsTheSlopeOfItsLoss) {
  Data data(6, 11);
  const std::vector<double> reference = ReferenceOf(data.batch, 2);
  for (int kind = 0; kind < kPreferences; ++kind) {
    SCOPED_TRACE(kind);
    PreferenceInputs in;
    in.options.kind = static_cast<Preference>(kind);
    in.options.beta = in.options.kind == Preference::kHinge ? 0.01 : 0.2;  // hinge: away from its corner
    in.options.gamma = 0.1;
    in.options.label_smoothing = 0.1;
    in.options.sft_weight = kind % 2 == 0 ? 0.3 : 0;
    if (kind % 4 == 0) in.sft_denominator = 17;
    if (NeedsReference(in.options.kind)) in.reference.sums = reference;
    Rig rig;
    CheckGradient(&rig, [&](Trainer& trainer) { return AccumulatePreference(trainer, data.batch, in).loss; });
  }
}

TEST(UnpairedGradient, IsTheSlopeOfItsLoss) {
  Data data(5, 13);
  const std::vector<double> reference = ReferenceOf(data.batch, 2);
  const std::vector<int32_t> desirable = {1, 0, 0, 1, 0};
  Rig rig;
  UnpairedInputs in;
  in.options = {.beta = 0.15, .desirable_weight = 1.2, .undesirable_weight = 0.8};
  in.desirable = desirable;
  in.reference.sums = reference;
  in.kl = 0.4;
  CheckGradient(&rig, [&](Trainer& trainer) { return AccumulateUnpaired(trainer, data.batch, in).loss; });
}

TEST(PolicyGradient, OfEveryFormIsTheSlopeOfItsLoss) {
  Data data(5, 17);
  Rig old([](PlanOptions&) {}, 1), reference([](PlanOptions&) {}, 2);
  auto olds = old.LogProbs(data.batch);
  const auto references = reference.LogProbs(data.batch);
  std::vector<float> advantages(data.tokens()), rollout(olds);
  for (size_t t = 0; t < olds.size(); ++t) {
    // Ratios of all sizes, none at a corner: between 0.74 and 1.35 in steps that no clip border is close to.
    olds[t] += 0.3f * static_cast<float>(static_cast<int>(t % 5) - 2) / 2 + 0.007f;
    rollout[t] += 0.05f * static_cast<float>(t % 3);
    advantages[t] = (t % 2 == 0 ? 1.0f : -1.5f) + 0.1f * static_cast<float>(t % 7);
  }
  for (const auto kl : {KlKind::kK1, KlKind::kK2, KlKind::kK3, KlKind::kAbs}) {
    for (const auto reduction : {PolicyReduction::kTokenMean, PolicyReduction::kSequenceMean, PolicyReduction::kSequenceSum}) {
      for (const auto ratio : {RatioLevel::kToken, RatioLevel::kSequence}) {
        SCOPED_TRACE(StrCat(static_cast<int>(kl), " ", static_cast<int>(reduction), " ", static_cast<int>(ratio)));
        if ((static_cast<int>(kl) + static_cast<int>(reduction) + static_cast<int>(ratio)) % 3 != 0)
          continue;  // a third of them: time
        PolicyInputs in;
        in.options = {.ratio = ratio,
                      .reduction = reduction,
                      .kl = kl,
                      .clip_low = 0.17,
                      .clip_high = 0.23,
                      .dual_clip = 1.26,
                      .kl_weight = 0.05,
                      .importance_cap = 1.04,
                      .entropy_weight = 0.02};
        in.advantages = advantages;
        in.old_logprobs = olds;
        in.reference_logprobs = references;
        in.rollout_logprobs = rollout;
        Rig rig;
        CheckGradient(&rig, [&](Trainer& trainer) { return AccumulatePolicy(trainer, data.batch, in).sums.loss; });
      }
    }
  }
}

}  // namespace
}  // namespace hlm
