// Log-probabilities and the losses made of them, through a whole trainer: values, gradients, and what must be the same bits.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/cpu/cpu_device.h"
#include "core/device/race_checker.h"
#include "core/machine/devices.h"
#include "core/train/objectives.h"
#include "core/train/trainer.h"
#include "tests/equivalence/run.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

// Documents of 2 to 12 tokens; the first few of each are a prompt, whose weights are 0.
struct Data {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets = {0};
  std::vector<float> mask;
  Batch batch;

  explicit Data(int64_t documents, uint64_t seed = 1, int64_t longest = 12) {
    uint64_t counter = 0;
    const auto below = [&](int64_t n) { return static_cast<int64_t>(RandomBelow(seed, counter++, static_cast<uint64_t>(n))); };
    for (int64_t d = 0; d < documents; ++d) {
      const int64_t length = 3 + below(longest - 2), prompt = 1 + below(length - 1);
      for (int64_t t = 0; t < length; ++t) {
        ids.push_back(static_cast<int32_t>(below(61)));
        mask.push_back(t < prompt ? 0.0f : 1.0f);
      }
      offsets.push_back(static_cast<int64_t>(ids.size()));
    }
    Point();
  }
  void Point() {
    batch.ids = ids;
    batch.offsets = offsets;
    batch.weights = mask;
  }
  Data(const Data&) = delete;
  size_t tokens() const { return ids.size(); }
  // Documents [first, end) as a batch of its own.
  Batch Part(int64_t first, int64_t end) {
    const size_t begin = static_cast<size_t>(offsets[static_cast<size_t>(first)]), stop = static_cast<size_t>(offsets[static_cast<size_t>(end)]);
    parts_.emplace_back();
    for (int64_t d = first; d <= end; ++d) parts_.back().push_back(offsets[static_cast<size_t>(d)] - static_cast<int64_t>(begin));
    Batch part = batch;
    part.ids = std::span(ids).subspan(begin, stop - begin);
    part.weights = std::span(mask).subspan(begin, stop - begin);
    part.offsets = parts_.back();
    return part;
  }

 private:
  std::vector<std::vector<int64_t>> parts_ = [] {
    std::vector<std::vector<int64_t>> all;
    all.reserve(64);  // spans into it stay where they are
    return all;
  }();
};

using Change = std::function<void(PlanOptions&)>;

struct Rig {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Plan> plan;
  std::unique_ptr<Trainer> trainer;

  explicit Rig(const Change& change = [](PlanOptions&) {}, int64_t seed = 1, CpuDeviceOptions device = {}, bool tied = false) {
    model = Model::Create(TinyConfig(tied, true, 3), seed);
    PlanOptions options;
    options.compute = DType::kF32;
    options.batch_size = 8, options.seq_len = 12, options.micro_batch = 2;
    options.threads = 1;
    options.head_chunk = 5;
    options.grad_clip = 0;
    change(options);
    plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine("cpu")));
    TrainerOptions trainer_options;
    trainer_options.schedule.lr = 1e-2;
    device.threads = 1;
    trainer = std::make_unique<Trainer>(model, plan, trainer_options, CreateCpuDevice(device));
  }
  std::vector<float> LogProbs(const Batch& batch, const FrozenWeights* weights = nullptr) {
    std::vector<float> out(batch.ids.size());
    trainer->LogProbs(batch, weights, out, {}, {});
    return out;
  }
  // All of a kind, in the model's order.
  std::vector<float> Read(TensorKind kind) {
    std::vector<float> all;
    for (const UnitSpec& unit : model->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) {
        std::vector<float> values(static_cast<size_t>(tensor.elements));
        trainer->ReadTensor(tensor.name, kind, 0, values.data(), values.size() * sizeof(float));
        all.insert(all.end(), values.begin(), values.end());
      }
    }
    return all;
  }
  float ReadOne(const std::string& name, TensorKind kind, size_t element) {
    float value;
    trainer->ReadTensor(name, kind, element * 4, &value, 4);
    return value;
  }
  void WriteOne(const std::string& name, size_t element, float value) { trainer->WriteTensor(name, TensorKind::kWeight, element * 4, &value, 4); }
};

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double Norm(const std::vector<float>& x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum);
}
double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  return std::sqrt(sum);
}

TEST(LogProbs, AreThoseOfTheLogits) {
  Rig rig;
  Data data(5);
  data.batch.temperature = 0.7;
  std::vector<float> logprobs(data.tokens()), entropies(data.tokens()), best(data.tokens()), logits(data.tokens() * 61);
  rig.trainer->LogProbs(data.batch, nullptr, logprobs, entropies, best);
  rig.trainer->Logits(data.batch, {}, logits);
  for (size_t d = 0; d + 1 < data.offsets.size(); ++d) {
    for (int64_t t = data.offsets[d]; t < data.offsets[d + 1]; ++t) {
      const size_t i = static_cast<size_t>(t);
      if (t == data.offsets[d]) {
        EXPECT_EQ(logprobs[i], 0.0f);
        EXPECT_EQ(entropies[i], 0.0f);
        EXPECT_EQ(best[i], 0.0f);
        continue;
      }
      double total = 0, entropy = 0, most = -1e300;
      const float* row = &logits[(i - 1) * 61];
      for (size_t v = 0; v < 61; ++v) total += std::exp(static_cast<double>(row[v]) / 0.7);
      for (size_t v = 0; v < 61; ++v) {
        const double l = static_cast<double>(row[v]) / 0.7 - std::log(total);
        entropy -= std::exp(l) * l;
        most = std::max(most, l);
      }
      EXPECT_NEAR(logprobs[i], static_cast<double>(row[static_cast<size_t>(data.ids[i])]) / 0.7 - std::log(total), 1e-5) << t;
      EXPECT_NEAR(entropies[i], entropy, 1e-5) << t;
      EXPECT_NEAR(best[i], most, 1e-5) << t;
      EXPECT_LE(logprobs[i], best[i]);
    }
  }
}

TEST(LogProbs, LabelsSayWhoseAndIgnoredOnesAreZero) {
  Rig rig;
  Data data(3);
  std::vector<int32_t> labels(data.ids);
  labels[2] = kIgnoredLabel;
  data.batch.labels = labels;
  const auto logprobs = rig.LogProbs(data.batch);
  EXPECT_EQ(logprobs[2], 0.0f);
  data.batch.labels = {};
  auto all = rig.LogProbs(data.batch);
  EXPECT_LT(all[2], 0.0f);
  all[2] = 0;
  EXPECT_TRUE(SameBits(all, logprobs));
}

// In each numerics the bits of a batch do not depend on the pass that made them: alone, in many passes, inside a loss.
TEST(LogProbs, TheSameBitsAsInsideALossUnderEveryPolicy) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    for (const int64_t sweeps : {1, 2, 3}) {
      const auto numerics = [&](PlanOptions& o) {
        o.compute = compute;
        o.sweeps = sweeps;
      };
      Data data(8, 3);
      std::vector<float> expected;
      std::vector<float> gradient;
      for (const auto policy : {Activations::kKeep, Activations::kKeepCheap, Activations::kRecompute}) {
        SCOPED_TRACE(StrCat(Name(compute), ", ", sweeps, " sweeps, ", Name(policy)));
        Rig rig([&](PlanOptions& o) {
          numerics(o);
          o.activations = policy;
          o.block_inputs = policy == Activations::kRecompute ? BlockInputs::kHost : BlockInputs::kDevice;
        });
        const auto logprobs = rig.LogProbs(data.batch);
        for (const int64_t group : {1, 2, 8}) {
          std::vector<float> seen;
          rig.trainer->Accumulate(data.batch, {.group = group, .entropy = group == 2, .loss = [&](const DocumentLosses& run) {
            EXPECT_EQ(run.first_document % group, 0);
            EXPECT_TRUE(run.documents % group == 0);
            seen.insert(seen.end(), run.logprobs.begin(), run.logprobs.end());
            for (size_t i = 0; i < run.logprobs.size(); ++i) run.d_logprobs[i] = -0.01 * static_cast<double>(run.logprobs[i]);
            return 0.0;
          }});
          EXPECT_TRUE(SameBits(seen, logprobs)) << group;
          const auto made = rig.Read(TensorKind::kGradient);
          // Another group may cut other sweeps, and so sum gradients in another order.
          if (group == 1) {
            if (gradient.empty()) gradient = made;
            EXPECT_TRUE(SameBits(gradient, made));
          }
          rig.trainer->Discard();
        }
        if (expected.empty()) expected = logprobs;
        EXPECT_TRUE(SameBits(expected, logprobs));
      }
    }
  }
}

TEST(LogProbs, OfABatchLargerThanAStepAreThoseOfItsParts) {
  Rig small([](PlanOptions& o) { o.batch_size = 2, o.sweeps = 2, o.micro_batch = 1; });
  Rig large([](PlanOptions& o) { o.batch_size = 40, o.micro_batch = 1; });
  Data data(40, 5);
  EXPECT_GT(static_cast<int64_t>(data.tokens()), 4 * small.plan->step_tokens);
  EXPECT_TRUE(SameBits(small.LogProbs(data.batch), large.LogProbs(data.batch)));
}

// Alone in a batch or packed with others: the same within rounding.
TEST(LogProbs, DoNotDependOnWhatADocumentIsPackedWith) {
  Rig rig([](PlanOptions& o) { o.micro_batch = 8; });
  Data data(8, 7);
  const auto packed = rig.LogProbs(data.batch);
  for (int64_t d = 0; d < 8; ++d) {
    const auto alone = rig.LogProbs(data.Part(d, d + 1));
    for (size_t t = 0; t < alone.size(); ++t) EXPECT_NEAR(alone[t], packed[static_cast<size_t>(data.offsets[static_cast<size_t>(d)]) + t], 1e-5);
  }
}

// The two-call form and the function form: one gradient, bit for bit, also where a sweep's border divides a group.
TEST(Objectives, TwoCallsGiveTheSameBitsAsAFunction) {
  for (const int64_t sweeps : {1, 2, 4}) {
    for (const bool entropy : {false, true}) {
      const auto plan = [&](PlanOptions& o) { o.sweeps = sweeps, o.micro_batch = 1; };
      Rig one(plan), two(plan);
      Data data(8, 9);
      data.batch.temperature = 1.3;
      const auto slope = [](double x, size_t t) { return std::sin(3 * x + static_cast<double>(t)); };
      const BatchLoss made = one.trainer->Accumulate(data.batch, {.entropy = entropy, .loss = [&](const DocumentLosses& run) {
        for (size_t i = 0; i < run.logprobs.size(); ++i) {
          const size_t t = static_cast<size_t>(run.first_token) + i;
          run.d_logprobs[i] = static_cast<float>(slope(run.logprobs[i], t));
          if (entropy) run.d_entropies[i] = static_cast<float>(slope(run.entropies[i], t));
        }
        return 1.0;
      }});
      EXPECT_EQ(made.loss, static_cast<double>(one.plan->numerics.sweeps));

      std::vector<float> logprobs(data.tokens()), entropies(data.tokens()), weights(data.tokens()), tilts(data.tokens());
      two.trainer->LogProbs(data.batch, nullptr, logprobs, entropies, {});
      for (size_t t = 0; t < data.tokens(); ++t) {
        weights[t] = -static_cast<float>(slope(logprobs[t], t));
        tilts[t] = static_cast<float>(slope(entropies[t], t));
      }
      Batch weighted = data.batch;
      weighted.weights = weights;
      if (entropy) weighted.entropy_weights = tilts;
      weighted.denominator = 1;
      const BatchLoss loss = two.trainer->Accumulate(weighted);
      EXPECT_TRUE(SameBits(one.Read(TensorKind::kGradient), two.Read(TensorKind::kGradient))) << sweeps << entropy;
      double sum = 0;
      for (size_t d = 0; d + 1 < data.offsets.size(); ++d) {
        for (size_t t = static_cast<size_t>(data.offsets[d]) + 1; t < static_cast<size_t>(data.offsets[d + 1]); ++t) {
          sum -= static_cast<double>(weights[t]) * static_cast<double>(logprobs[t]);
          if (entropy) sum += static_cast<double>(tilts[t]) * static_cast<double>(entropies[t]);
        }
      }
      EXPECT_NEAR(loss.loss, sum, 1e-9 * std::abs(sum) + 1e-9);
    }
  }
}

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
  std::vector<Spot> spots = {{"model.embed_tokens.weight", 0, 0}, {"model.layers.0.self_attn.q_proj.weight", 77, 0},
                             {"model.layers.1.mlp.down_proj.weight", 301, 0}, {"model.layers.2.mlp.gate_proj.weight", 5, 0},
                             {"model.norm.weight", 3, 0}, {"lm_head.weight", 40, 0}, {"model.layers.2.self_attn.v_proj.weight", 11, 0}};
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
    const double wide = (move(2 * h) - move(-2 * h)) / (4 * static_cast<double>(h)), narrow = (move(h) - move(-h)) / (2 * static_cast<double>(h));
    rig->trainer->Discard();
    rig->WriteOne(spot.name, spot.element, at);
    EXPECT_NEAR(spot.slope, (4 * narrow - wide) / 3, 2e-3 * most + 2e-4 * std::abs(narrow)) << spot.name << " " << spot.element;
  }
}

std::vector<double> ReferenceOf(const Batch& batch, int64_t seed) {
  Rig reference([](PlanOptions&) {}, seed);
  return SumDocuments(batch, reference.LogProbs(batch)).logprobs;
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
        if ((static_cast<int>(kl) + static_cast<int>(reduction) + static_cast<int>(ratio)) % 3 != 0) continue;  // a third of them: time
        PolicyInputs in;
        in.options = {.ratio = ratio, .reduction = reduction, .kl = kl, .clip_low = 0.17, .clip_high = 0.23, .dual_clip = 1.26,
                      .kl_weight = 0.05, .importance_cap = 1.04, .entropy_weight = 0.02};
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

TEST(Preference, TheFirstDpoLossIsLnTwo) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    for (const int64_t sweeps : {1, 2, 4}) {
      Rig rig([&](PlanOptions& o) { o.compute = compute, o.sweeps = sweeps, o.micro_batch = 1; });
      Data data(8, 19);
      const auto logprobs = rig.LogProbs(data.batch);
      const std::vector<double> sums = SumDocuments(data.batch, logprobs).logprobs;
      PreferenceInputs by_sums, by_token;
      by_sums.reference.sums = sums;
      by_token.reference.logprobs = logprobs;
      for (const PreferenceInputs& in : {by_sums, by_token}) {
        const PreferenceMetrics m = AccumulatePreference(*rig.trainer, data.batch, in);
        EXPECT_NEAR(m.loss, std::log(2.0), 1e-12);
        EXPECT_EQ(m.margin, 0);
        EXPECT_EQ(m.pairs, 4);
        rig.trainer->Discard();
      }
    }
  }
}

TEST(Preference, TrainingRaisesTheMargin) {
  Rig rig([](PlanOptions& o) { o.frozen_copies = 1; });
  Data data(6, 23);
  const auto kept = rig.trainer->KeepWeights();
  double first = 0, last = 0;
  for (int step = 0; step < 8; ++step) {
    const auto reference = rig.LogProbs(data.batch, kept.get());
    PreferenceInputs in;
    in.reference.logprobs = reference;
    const PreferenceMetrics m = AccumulatePreference(*rig.trainer, data.batch, in);
    (step == 0 ? first : last) = m.loss;
    if (step == 7) {
      EXPECT_EQ(m.accuracy, 1.0);
      EXPECT_GT(m.margin, 0);
    }
    rig.trainer->Apply();
  }
  EXPECT_NEAR(first, std::log(2.0), 1e-6);
  EXPECT_LT(last, 0.5 * first);
}

TEST(Policy, TheFirstRatioIsExactlyOne) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    Rig rig([&](PlanOptions& o) { o.compute = compute, o.sweeps = 2; });
    Data data(6, 29);
    const auto old = rig.LogProbs(data.batch);
    const std::vector<float> advantages(data.tokens(), 0.7f);
    PolicyInputs given, without;
    given.advantages = without.advantages = advantages;
    given.old_logprobs = old;
    given.reference_logprobs = old;
    given.options.kl_weight = 0.1;
    const PolicyMetrics m = AccumulatePolicy(*rig.trainer, data.batch, given);
    EXPECT_EQ(m.sums.least_ratio, 1.0);
    EXPECT_EQ(m.sums.largest_ratio, 1.0);
    EXPECT_EQ(m.sums.approx_kl, 0.0);
    EXPECT_EQ(m.sums.kl, 0.0);
    const auto gradient = rig.Read(TensorKind::kGradient);
    rig.trainer->Discard();
    AccumulatePolicy(*rig.trainer, data.batch, without);
    EXPECT_TRUE(SameBits(gradient, rig.Read(TensorKind::kGradient)));
    // On policy the gradient is that of a weighted cross-entropy.
    std::vector<float> weights(data.mask);
    for (float& w : weights) w *= 0.7f;
    Batch batch = data.batch;
    batch.weights = weights;
    batch.denominator = m.sums.weight;
    rig.trainer->Discard();
    rig.trainer->Accumulate(batch);
    const auto weighted = rig.Read(TensorKind::kGradient);
    EXPECT_LE(Distance(weighted, gradient), (compute == DType::kF32 ? 1e-6 : 1e-2) * Norm(gradient));
  }
}

TEST(Objectives, EightCallsMakeTheStepOfOne) {
  Data data(16, 31);
  const std::vector<double> reference = ReferenceOf(data.batch, 2);
  std::vector<float> advantages(data.tokens());
  double weight = 0;
  for (size_t t = 0; t < data.tokens(); ++t) {
    advantages[t] = 0.5f - static_cast<float>(t % 3);
    weight += data.mask[t];
  }
  std::vector<int32_t> desirable(16);
  for (size_t d = 0; d < 16; ++d) desirable[d] = d % 3 == 0;
  Rig old([](PlanOptions& o) { o.batch_size = 16; }, 4);
  const auto olds = old.LogProbs(data.batch);
  using Run = std::function<double(Trainer&, int64_t first, int64_t end)>;
  const Run preference = [&](Trainer& trainer, int64_t first, int64_t end) {
    PreferenceInputs in;
    in.denominator = 8;
    in.options.sft_weight = 0.2;
    in.reference.sums = std::span(reference).subspan(static_cast<size_t>(first), static_cast<size_t>(end - first));
    return AccumulatePreference(trainer, data.Part(first, end), in).loss;
  };
  const Run kto = [&](Trainer& trainer, int64_t first, int64_t end) {
    UnpairedInputs in;
    in.denominator = 16;
    in.kl = 0.1;
    in.desirable = std::span(desirable).subspan(static_cast<size_t>(first), static_cast<size_t>(end - first));
    in.reference.sums = std::span(reference).subspan(static_cast<size_t>(first), static_cast<size_t>(end - first));
    return AccumulateUnpaired(trainer, data.Part(first, end), in).loss;
  };
  const Run policy = [&](Trainer& trainer, int64_t first, int64_t end) {
    PolicyInputs in;
    const Batch part = data.Part(first, end);
    const size_t begin = static_cast<size_t>(data.offsets[static_cast<size_t>(first)]);
    in.options.denominator = weight;
    in.options.entropy_weight = 0.01;
    in.advantages = std::span(advantages).subspan(begin, part.ids.size());
    in.old_logprobs = std::span(olds).subspan(begin, part.ids.size());
    return AccumulatePolicy(trainer, part, in).sums.loss;
  };
  for (const Run& run : {preference, kto, policy}) {
    Rig whole([](PlanOptions& o) { o.batch_size = 16; }), parts([](PlanOptions& o) { o.batch_size = 16; });
    const double one = run(*whole.trainer, 0, 16);
    double many = 0;
    for (int64_t i = 0; i < 8; ++i) many += run(*parts.trainer, 2 * i, 2 * i + 2);
    EXPECT_NEAR(one, many, 1e-6 * std::abs(one));
    const auto gradient = whole.Read(TensorKind::kGradient);
    EXPECT_LE(Distance(gradient, parts.Read(TensorKind::kGradient)), 2e-6 * Norm(gradient));
  }
}

TEST(Unpaired, TheDivergenceComesFromMismatchedAnswers) {
  Rig rig;
  Data data(4, 37), other(3, 38);
  const std::vector<double> reference = ReferenceOf(data.batch, 2);
  const auto sums = SumDocuments(other.batch, rig.LogProbs(other.batch)).logprobs;
  const std::vector<int32_t> desirable = {1, 1, 0, 0};
  UnpairedInputs in;
  in.desirable = desirable;
  in.reference.sums = reference;
  in.mismatched = &other.batch;
  for (const double shift : {-0.25, 0.25}) {
    std::vector<double> shifted = sums;
    for (double& s : shifted) s += shift;
    in.mismatched_reference.sums = shifted;
    EXPECT_NEAR(AccumulateUnpaired(*rig.trainer, data.batch, in).kl, std::max(0.0, -shift), 1e-6);
  }
}

TEST(FrozenWeights, StayWhatTheyWereUnderEveryTiming) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    for (const Timing timing : {Timing::kNextForward, Timing::kBackward, Timing::kSerial}) {
      for (const bool tied : {false, true}) {
        SCOPED_TRACE(StrCat(Name(compute), " ", Name(timing), tied ? " tied" : ""));
        CpuDeviceOptions device;
        device.check_races = true;
        device.delay_seed = 5;
        Rig rig([&](PlanOptions& o) {
          o.compute = compute;
          o.timing = timing;
          o.frozen_copies = 2;
          o.max_part_bytes = 16384;
        }, 1, device, tied);
        Data data(6, 41);
        const auto before = rig.LogProbs(data.batch);
        rig.trainer->Step(data.batch);  // its update may still run when the copy is made
        const auto kept = rig.trainer->KeepWeights();
        const auto at_keep = rig.LogProbs(data.batch);
        EXPECT_FALSE(SameBits(before, at_keep));
        EXPECT_TRUE(SameBits(rig.LogProbs(data.batch, kept.get()), at_keep)) << "before any change";
        const double loss = rig.trainer->Evaluate(data.batch, kept.get()).loss;
        for (int step = 0; step < 3; ++step) {
          rig.trainer->Step(data.batch);
          EXPECT_TRUE(SameBits(rig.LogProbs(data.batch, kept.get()), at_keep)) << step;
        }
        EXPECT_EQ(rig.trainer->Evaluate(data.batch, kept.get()).loss, loss);
        EXPECT_FALSE(SameBits(rig.LogProbs(data.batch), at_keep));
        // A second one, and a place that is free again.
        auto second = rig.trainer->KeepWeights();
        EXPECT_EQ(CodeOf([&] { rig.trainer->KeepWeights(); }), Code::kResourceExhausted);
        const auto then = rig.LogProbs(data.batch);
        rig.WriteOne("model.norm.weight", 0, 5.0f);
        EXPECT_TRUE(SameBits(rig.LogProbs(data.batch, second.get()), then)) << "a weight was written";
        EXPECT_TRUE(SameBits(rig.LogProbs(data.batch, kept.get()), at_keep));
        second.reset();
        second = rig.trainer->KeepWeights();
        EXPECT_FALSE(SameBits(rig.LogProbs(data.batch, second.get()), then));
        for (const std::string& race : rig.trainer->device().race_checker()->reports()) ADD_FAILURE() << race;
        rig.trainer.reset();  // what is kept may outlive it
      }
    }
  }
}

TEST(FrozenWeights, BelongToTheirTrainer) {
  Rig one([](PlanOptions& o) { o.frozen_copies = 1; }), two;
  Data data(2);
  const auto kept = one.trainer->KeepWeights();
  EXPECT_EQ(CodeOf([&] { two.LogProbs(data.batch, kept.get()); }), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf([&] { two.trainer->KeepWeights(); }), Code::kResourceExhausted);
  EXPECT_EQ(one.plan->host.frozen, one.plan->host.weights);
}

TEST(Objectives, AFunctionThatThrowsDropsTheGradientAndTheNextCallRuns) {
  Rig rig([](PlanOptions& o) { o.sweeps = 2, o.micro_batch = 1; });
  Data data(6, 43);
  int calls = 0;
  EXPECT_EQ(CodeOf([&] {
              rig.trainer->Accumulate(data.batch, {.loss = [&](const DocumentLosses&) -> double {
                if (++calls == 2) throw Error(Code::kCancelled, "stop");
                return 0;
              }});
            }),
            Code::kCancelled);
  EXPECT_EQ(CodeOf([&] { rig.trainer->Apply(); }), Code::kFailedPrecondition);
  Rig fresh([](PlanOptions& o) { o.sweeps = 2, o.micro_batch = 1; });
  EXPECT_EQ(rig.trainer->Step(data.batch).grad_norm, fresh.trainer->Step(data.batch).grad_norm);
}

TEST(Objectives, RefuseWhatTheyCannotUse) {
  Rig rig;
  Data odd(3), data(4, 3);
  std::vector<double> reference(4, -1.0);
  PreferenceInputs in;
  EXPECT_EQ(CodeOf([&] { AccumulatePreference(*rig.trainer, data.batch, in); }), Code::kInvalidArgument) << "no reference";
  in.reference.sums = reference;
  EXPECT_EQ(CodeOf([&] { AccumulatePreference(*rig.trainer, odd.batch, in); }), Code::kInvalidArgument) << "odd";
  in.options.beta = 0;
  EXPECT_EQ(CodeOf([&] { AccumulatePreference(*rig.trainer, data.batch, in); }), Code::kInvalidArgument) << "beta";
  in.options.beta = 0.1;
  reference[2] = std::nan("");
  EXPECT_EQ(CodeOf([&] { AccumulatePreference(*rig.trainer, data.batch, in); }), Code::kInvalidArgument) << "NaN";
  reference[2] = 0;
  for (int64_t t = data.offsets[1]; t < data.offsets[2]; ++t) data.mask[static_cast<size_t>(t)] = 0;
  EXPECT_EQ(CodeOf([&] { AccumulatePreference(*rig.trainer, data.batch, in); }), Code::kInvalidArgument) << "an answer without tokens";
  Rig backward([](PlanOptions& o) { o.timing = Timing::kBackward; });
  Data fine(4, 3);
  EXPECT_EQ(CodeOf([&] { AccumulatePreference(*backward.trainer, fine.batch, in); }), Code::kFailedPrecondition);
  data.batch.temperature = -1;
  EXPECT_EQ(CodeOf([&] { rig.LogProbs(data.batch); }), Code::kInvalidArgument);
  PolicyInputs policy;
  EXPECT_EQ(CodeOf([&] { AccumulatePolicy(*rig.trainer, fine.batch, policy); }), Code::kInvalidArgument) << "no advantages";
}

}  // namespace
}  // namespace hlm
