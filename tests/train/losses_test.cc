// Losses on log-probabilities through a whole trainer: where they begin, how they are put together, what they refuse.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <functional>
#include <vector>

#include "core/base/error.h"
#include "tests/support/code_of.h"
#include "tests/train/losses_rig.h"

namespace hlm {
namespace {

// The two-call form and the function form: one gradient, bit for bit, also where a sweep's border divides a group.
TEST(Objectives, TwoCallsGiveTheSameBitsAsAFunction) {
  for (const int64_t sweeps : {1, 2, 4}) {
    for (const bool entropy : {false, true}) {
      const auto plan = [&](PlanOptions& o) { o.sweeps = sweeps, o.micro_batch = 1; };
      Rig one(plan), two(plan);
      Data data(8, 9);
      data.batch.temperature = 1.3;
      const auto slope = [](double x, size_t t) { return std::sin(3 * x + static_cast<double>(t)); };
      const BatchLoss made =
          one.trainer->Accumulate(data.batch, {.entropy = entropy, .loss = [&](const DocumentLosses& run, double& loss) {
                                                 for (size_t i = 0; i < run.logprobs.size(); ++i) {
                                                   const size_t t = static_cast<size_t>(run.first_token) + i;
                                                   run.d_logprobs[i] = static_cast<float>(slope(run.logprobs[i], t));
                                                   if (entropy)
                                                     run.d_entropies[i] = static_cast<float>(slope(run.entropies[i], t));
                                                 }
                                                 loss += 1;
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
    Rig whole([](PlanOptions&o) { o.batch_size = 16; }), parts([](PlanOptions&o) { o.batch_size = 16; });
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

TEST(Unpaired, KeptWeightsMayBeTheReferenceOfMismatchedAnswers) {
  Rig rig([](PlanOptions& o) { o.frozen_copies = 1; });
  Data data(4, 37), other(3, 38);
  const std::unique_ptr<FrozenWeights> kept = rig.trainer->KeepWeights();
  rig.trainer->Step(other.batch);  // whose answers become more probable
  const std::vector<double> reference = ReferenceOf(data.batch, 2);
  const std::vector<int32_t> desirable = {1, 1, 0, 0};
  std::vector<float> logprobs(other.batch.ids.size());
  rig.trainer->LogProbs(other.batch, kept.get(), logprobs, {}, {});
  const std::vector<double> sums = SumDocuments(other.batch, logprobs).logprobs;
  UnpairedInputs in;
  in.desirable = desirable;
  in.reference.sums = reference;
  in.mismatched = &other.batch;
  in.mismatched_reference.sums = sums;
  const double by_sums = AccumulateUnpaired(*rig.trainer, data.batch, in).kl;
  EXPECT_GT(by_sums, 0);
  in.mismatched_reference = {};
  in.mismatched_weights = kept.get();
  EXPECT_EQ(AccumulateUnpaired(*rig.trainer, data.batch, in).kl, by_sums);
  Rig another([](PlanOptions& o) { o.frozen_copies = 1; });
  EXPECT_EQ(CodeOf([&] { AccumulateUnpaired(*another.trainer, data.batch, in); }), Code::kInvalidArgument);
}

TEST(Objectives, AFunctionThatThrowsDropsTheGradientAndTheNextCallRuns) {
  Rig rig([](PlanOptions& o) { o.sweeps = 2, o.micro_batch = 1; });
  Data data(6, 43);
  int calls = 0;
  EXPECT_EQ(CodeOf([&] {
              rig.trainer->Accumulate(data.batch, {.loss = [&](const DocumentLosses&, double&) {
                                        if (++calls == 2) throw Error(Code::kCancelled, "stop");
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
  EXPECT_EQ(CodeOf([&] { AccumulatePreference(*rig.trainer, data.batch, in); }), Code::kInvalidArgument)
      << "an answer without tokens";
  Rig backward([](PlanOptions& o) { o.timing = Timing::kBackward; });
  Data fine(4, 3);
  EXPECT_EQ(CodeOf([&] { AccumulatePreference(*backward.trainer, fine.batch, in); }), Code::kFailedPrecondition);
  data.batch.temperature = -1;
  EXPECT_EQ(CodeOf([&] { rig.LogProbs(data.batch); }), Code::kInvalidArgument);
  PolicyInputs policy;
  EXPECT_EQ(CodeOf([&] { AccumulatePolicy(*rig.trainer, fine.batch, policy); }), Code::kInvalidArgument) << "no advantages";
}

TEST(Objectives, RefusalsNameTheValueAndTheLimit) {
  Rig rig;
  Data data(4, 3), odd(3);
  const auto n = static_cast<double>(data.tokens());
  const auto says = [](const std::function<void()>& call, const std::string& what) {
    std::string message;
    EXPECT_EQ(CodeOf(call, &message), Code::kInvalidArgument) << what;
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  const auto prefer = [&](const Batch& batch, const std::function<void(PreferenceInputs&)>& change, const std::string& what) {
    const std::vector<double> sums(static_cast<size_t>(batch.documents()), -1.0);
    PreferenceInputs in;
    in.reference.sums = sums;
    change(in);
    says([&] { AccumulatePreference(*rig.trainer, batch, in); }, what);
  };
  const auto as_is = [](PreferenceInputs&) {};
  const std::vector<int64_t> back = {0, 5, 5, static_cast<int64_t>(data.tokens())};
  Batch batch = data.batch;
  batch.offsets = back;
  prefer(batch, as_is, StrCat("offsets must rise strictly from 0 to n_ids, ", n));
  batch = data.batch;
  batch.labels = data.batch.ids.subspan(1);
  prefer(batch, as_is, StrCat("n_labels is ", n - 1, "; it must be n_ids, ", n, ", or 0"));
  batch = data.batch;
  batch.weights = data.batch.weights.subspan(2);
  prefer(batch, as_is, StrCat("n_weights is ", n - 2, "; it must be n_ids, ", n, ", or 0"));
  prefer(odd.batch, as_is, "the batch has 3 documents; pairs need an even number");
  prefer(
      data.batch, [](PreferenceInputs& in) { in.denominator = -2; },
      "denominator is -2; it must be finite and above 0, or 0 for this batch's own");
  prefer(
      data.batch, [](PreferenceInputs& in) { in.sft_denominator = std::numeric_limits<double>::infinity(); },
      "sft_denominator is inf");
  const std::vector<float> short_reference(3, -1.0f), logprobs(data.tokens(), -1.0f);
  prefer(
      data.batch,
      [&](PreferenceInputs& in) {
        in.reference = {{}, short_reference};
      },
      StrCat("n_reference_logprobs is 3; it must be n_ids, ", n));
  prefer(
      data.batch, [&](PreferenceInputs& in) { in.reference.logprobs = logprobs; },
      "both reference_sums and reference_logprobs are given; give one");
  says([&] { SumDocuments(data.batch, short_reference); }, StrCat("n_logprobs is 3; it must be n_ids, ", n));

  const std::vector<int32_t> answers = {1, 0, 2, 1};
  const std::vector<double> sums(4, -1.0);
  UnpairedInputs unpaired;
  unpaired.reference.sums = sums;
  unpaired.desirable = answers;
  says([&] { AccumulateUnpaired(*rig.trainer, data.batch, unpaired); }, "desirable[2] is 2; it must be 0 or 1");

  std::vector<float> advantages(data.tokens(), 1.0f);
  const size_t counted = static_cast<size_t>(data.offsets[1]) - 1;  // a document's last token always counts
  PolicyInputs policy;
  policy.advantages = advantages;
  policy.old_logprobs = short_reference;
  says([&] { AccumulatePolicy(*rig.trainer, data.batch, policy); }, StrCat("n_old_logprobs is 3; it must be n_ids, ", n));
  policy.old_logprobs = {};
  advantages[counted] = std::numeric_limits<float>::infinity();
  says([&] { AccumulatePolicy(*rig.trainer, data.batch, policy); },
       StrCat("advantages[", counted, "] is inf; it must be finite"));
  advantages[counted] = 1;
  for (size_t t = 0; t < data.tokens(); ++t) data.mask[t] = 0;
  says([&] { AccumulatePolicy(*rig.trainer, data.batch, policy); },
       "the weights of the predicted tokens sum to 0; give a denominator above 0");
}

}  // namespace
}  // namespace hlm
