#include "core/objective/objectives.h"

#include <algorithm>
#include <cmath>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/objective/objectives_together.h"

namespace hlm {
namespace {

BatchLoss Run(Trainer& trainer, const Batch& batch, const Objective& objective, bool forward_only) {
  return forward_only ? trainer.Evaluate(batch, objective) : trainer.Accumulate(batch, objective);
}

size_t CountDocuments(const Batch& batch) { return batch.offsets.size() < 2 ? 0 : batch.offsets.size() - 1; }

// Whoever counts documents or tokens before the trainer has looked at the batch needs its offsets in order.
void CheckOffsets(const Batch& batch) {
  if (batch.refused) throw *batch.refused;
  const auto& o = batch.offsets;
  const bool rising = std::adjacent_find(o.begin(), o.end(), [](int64_t a, int64_t b) { return b <= a; }) == o.end();
  if (o.size() < 2 || !rising || o.front() != 0 || o.back() != static_cast<int64_t>(batch.ids.size())) {
    throw InvalidArgument("offsets must rise strictly from 0 to n_ids, ", batch.ids.size());
  }
  const auto per_id = [&](size_t n, const char* name) {
    if (n != 0 && n != batch.ids.size())
      throw InvalidArgument("n_", name, " is ", n, "; it must be n_ids, ", batch.ids.size(), ", or 0");
  };
  per_id(batch.labels.size(), "labels");
  per_id(batch.weights.size(), "weights");
  for (size_t t = 0; t < batch.weights.size(); ++t) {
    if (!std::isfinite(batch.weights[t])) throw InvalidArgument("weights[", t, "] is ", batch.weights[t], "; it must be finite");
  }
}

void CheckDenominator(double denominator, const char* name) {
  if (!(denominator >= 0) || !std::isfinite(denominator)) {
    throw InvalidArgument(name, " is ", denominator, "; it must be finite and above 0, or 0 for this batch's own");
  }
}

// An answer without a token that counts has no log-probability, and no mean.
void CheckAnswers(const std::vector<double>& weights, const Batch& batch) {
  for (size_t d = 0; d < CountDocuments(batch); ++d) {
    double sum = 0;
    for (int64_t t = batch.offsets[d]; t < batch.offsets[d + 1]; ++t) sum += weights[static_cast<size_t>(t)];
    if (!(sum > 0))
      throw InvalidArgument("the weights of document ", d, "'s predicted tokens sum to ", sum, "; they must sum to more than 0");
  }
}

// The reference's sums by document.
std::vector<double> ReferenceSums(const Reference& reference, const Batch& batch) {
  const size_t documents = CountDocuments(batch);
  if (reference.none) return std::vector<double>(documents, 0.0);
  const bool sums = !reference.sums.empty(), tokens = !reference.logprobs.empty();
  if (sums == tokens) {
    throw InvalidArgument(sums ? "both reference_sums and reference_logprobs are given; give one"
                               : "this loss needs reference_sums or reference_logprobs, or reference_free 1");
  }
  const auto finite = [](double value, const char* name, size_t i) {
    if (!std::isfinite(value)) throw InvalidArgument(name, "[", i, "] is ", value, "; it must be finite");
  };
  if (sums) {
    if (reference.sums.size() != documents) {
      throw InvalidArgument("n_reference_sums is ", reference.sums.size(), "; it must be the number of documents, ", documents);
    }
    for (size_t d = 0; d < documents; ++d) finite(reference.sums[d], "reference_sums", d);
    return {reference.sums.begin(), reference.sums.end()};
  }
  if (reference.logprobs.size() != batch.ids.size()) {
    throw InvalidArgument("n_reference_logprobs is ", reference.logprobs.size(), "; it must be n_ids, ", batch.ids.size());
  }
  std::vector<double> out = SumDocuments(batch, reference.logprobs).logprobs;
  for (size_t d = 0; d < documents; ++d) finite(out[d], "the sum of reference_logprobs of document", d);
  return out;
}

// The document `d` of a run, as places in the run's arrays.
struct Place {
  size_t begin, end;   // in the run
  size_t first_token;  // of the run, in the batch
};
Place PlaceOf(const Batch& batch, const DocumentLosses& run, int64_t d) {
  const auto at = [&](int64_t i) { return static_cast<size_t>(batch.offsets[static_cast<size_t>(i)] - run.first_token); };
  return {at(d), at(d + 1), static_cast<size_t>(run.first_token)};
}

Answer SumOf(const Place& place, const std::vector<double>& weights, const DocumentLosses& run, double reference) {
  Answer answer{0, 0, reference};
  for (size_t i = place.begin; i < place.end; ++i) {
    const double weight = weights[place.first_token + i];
    if (weight == 0) continue;
    answer.logprob += weight * static_cast<double>(run.logprobs[i]);
    answer.tokens += weight;
  }
  return answer;
}

void Spread(const Place& place, const std::vector<double>& weights, double d_sum, const DocumentLosses& run) {
  for (size_t i = place.begin; i < place.end; ++i) run.d_logprobs[i] = weights[place.first_token + i] * d_sum;
}

}  // namespace

DocumentSums SumDocuments(const Batch& batch, std::span<const float> logprobs) {
  CheckOffsets(batch);
  if (logprobs.size() != batch.ids.size())
    throw InvalidArgument("n_logprobs is ", logprobs.size(), "; it must be n_ids, ", batch.ids.size());
  const std::vector<double> weights = PredictionWeights(batch);
  DocumentSums out;
  const DocumentLosses all{.logprobs = logprobs};
  for (int64_t d = 0; d < static_cast<int64_t>(CountDocuments(batch)); ++d) {
    const Answer answer = SumOf(PlaceOf(batch, all, d), weights, all, 0);
    out.logprobs.push_back(answer.logprob);
    out.tokens.push_back(answer.tokens);
  }
  return out;
}

void CheckInputs(const Batch& batch, const PreferenceInputs& in) {
  CheckPreference(in.options);
  CheckDenominator(in.denominator, "denominator");
  CheckDenominator(in.sft_denominator, "sft_denominator");
  CheckOffsets(batch);
  CheckAnswers(PredictionWeights(batch), batch);
  if (NeedsReference(in.options.kind)) {
    ReferenceSums(in.reference, batch);
  } else if (!in.reference.sums.empty() || !in.reference.logprobs.empty()) {
    throw InvalidArgument("a reference is given, and this kind of loss has none");
  }
}

PreferenceMetrics AccumulatePreference(Trainer& trainer, const Batch& batch, const PreferenceInputs& in) {
  if (trainer.group() != nullptr && !in.of_all) return PreferenceTogether(trainer, batch, in);
  CheckInputs(batch, in);
  const size_t documents = CountDocuments(batch);
  if (documents % 2 != 0) {
    throw InvalidArgument("the batch has ", Counted(documents, "document"),
                          "; pairs need an even number, chosen and rejected by turns");
  }
  const std::vector<double> weights = PredictionWeights(batch);
  const std::vector<double> reference =
      NeedsReference(in.options.kind) ? ReferenceSums(in.reference, batch) : std::vector<double>(documents, 0.0);

  PreferenceMetrics m;
  const size_t number = documents / 2;
  const double pairs = static_cast<double>(number);
  const double share = 1 / (in.denominator > 0 ? in.denominator : pairs), sft_weight = SftWeight(in.options);
  const Objective objective{.group = 2, .share = pairs * share, .loss = [&](const DocumentLosses& run, double& loss) {
                              for (int64_t d = run.first_document; d < run.first_document + run.documents; d += 2) {
                                const Place w = PlaceOf(batch, run, d), l = PlaceOf(batch, run, d + 1);
                                const Answer chosen = SumOf(w, weights, run, reference[static_cast<size_t>(d)]);
                                const Answer rejected = SumOf(l, weights, run, reference[static_cast<size_t>(d) + 1]);
                                const PairLoss pair = LossOfPair(in.options, chosen, rejected);
                                const double sft_share =
                                    sft_weight * (in.sft_denominator > 0 ? 1 / in.sft_denominator : share / chosen.tokens);
                                loss += share * pair.loss;
                                if (sft_weight > 0) loss += sft_share * -chosen.logprob;
                                Spread(w, weights, share * pair.d_chosen - sft_share, run);
                                Spread(l, weights, share * pair.d_rejected, run);
                                m.accuracy += pair.reward_chosen > pair.reward_rejected ? 1 / pairs : 0;
                                m.reward_chosen += pair.reward_chosen / pairs;
                                m.reward_rejected += pair.reward_rejected / pairs;
                                m.logprob_chosen += chosen.logprob / pairs;
                                m.logprob_rejected += rejected.logprob / pairs;
                                m.sft += pair.sft / pairs;
                              }
                            }};
  const BatchLoss result = Run(trainer, batch, objective, in.forward_only);
  m.loss = result.loss;
  m.tokens = result.tokens;
  m.pairs = static_cast<int64_t>(number);
  m.margin = m.reward_chosen - m.reward_rejected;
  return m;
}

void CheckInputs(const Batch& batch, const UnpairedInputs& in) {
  CheckUnpaired(in.options);
  CheckDenominator(in.denominator, "denominator");
  CheckOffsets(batch);
  const size_t documents = CountDocuments(batch);
  if (in.desirable.size() != documents) {
    throw InvalidArgument("n_desirable is ", in.desirable.size(), "; it must be the number of documents, ", documents);
  }
  for (size_t d = 0; d < documents; ++d) {
    if (in.desirable[d] != 0 && in.desirable[d] != 1)
      throw InvalidArgument("desirable[", d, "] is ", in.desirable[d], "; it must be 0 or 1");
  }
  if (!(in.kl >= 0) || !std::isfinite(in.kl)) throw InvalidArgument("kl is ", in.kl, "; it must be finite and not negative");
  CheckAnswers(PredictionWeights(batch), batch);
  ReferenceSums(in.reference, batch);
  if (in.mismatched == nullptr) return;
  CheckOffsets(*in.mismatched);
  if (in.mismatched_weights == nullptr) ReferenceSums(in.mismatched_reference, *in.mismatched);
}

UnpairedMetrics AccumulateUnpaired(Trainer& trainer, const Batch& batch, const UnpairedInputs& in) {
  if (trainer.group() != nullptr && !in.of_all) return UnpairedTogether(trainer, batch, in);
  CheckInputs(batch, in);
  const size_t documents = CountDocuments(batch);
  const std::vector<double> weights = PredictionWeights(batch);
  const std::vector<double> reference = ReferenceSums(in.reference, batch);

  UnpairedMetrics m;
  m.kl = in.kl;
  if (in.mismatched != nullptr) {
    std::vector<float> logprobs(in.mismatched->ids.size());
    const auto under = [&](const FrozenWeights* weights) {
      trainer.LogProbs(*in.mismatched, weights, logprobs, {}, {}, in.of_all);
      return SumDocuments(*in.mismatched, logprobs).logprobs;
    };
    const std::vector<double> mismatched =
        in.mismatched_weights != nullptr ? under(in.mismatched_weights) : ReferenceSums(in.mismatched_reference, *in.mismatched);
    const std::vector<double> sums = under(nullptr);
    double mean = 0;
    for (size_t d = 0; d < mismatched.size(); ++d) mean += (sums[d] - mismatched[d]) / static_cast<double>(mismatched.size());
    m.kl = std::max(0.0, mean);
  }
  for (const int32_t label : in.desirable) ++(label != 0 ? m.desirable : m.undesirable);
  const double good = static_cast<double>(m.desirable), bad = static_cast<double>(m.undesirable);
  const double share = 1 / (in.denominator > 0 ? in.denominator : static_cast<double>(documents));
  const Objective objective{
      .share = static_cast<double>(documents) * share, .loss = [&](const DocumentLosses& run, double& loss) {
        for (int64_t d = run.first_document; d < run.first_document + run.documents; ++d) {
          const size_t i = static_cast<size_t>(d);
          const Place place = PlaceOf(batch, run, d);
          const Answer answer = SumOf(place, weights, run, reference[i]);
          const bool desirable = in.desirable[i] != 0;
          const UnpairedLoss one = LossOfUnpaired(in.options, desirable, m.kl, answer);
          loss += share * one.loss;
          Spread(place, weights, share * one.d_logprob, run);
          (desirable ? m.reward_desirable : m.reward_undesirable) += one.reward / (desirable ? good : bad);
          (desirable ? m.logprob_desirable : m.logprob_undesirable) += answer.logprob / (desirable ? good : bad);
        }
      }};
  const BatchLoss result = Run(trainer, batch, objective, in.forward_only);
  m.loss = result.loss;
  m.tokens = result.tokens;
  return m;
}

void CheckInputs(const Batch& batch, const PolicyInputs& in) {
  CheckOffsets(batch);
  CheckDenominator(in.options.denominator, "denominator");
  const std::vector<double> weights = PredictionWeights(batch);
  const auto check = [&](std::span<const float> values, const char* name, bool needed) {
    if (values.empty() && !needed) return;
    if (values.size() != batch.ids.size())
      throw InvalidArgument("n_", name, " is ", values.size(), "; it must be n_ids, ", batch.ids.size());
    for (size_t t = 0; t < values.size(); ++t) {
      if (weights[t] != 0 && !std::isfinite(values[t]))
        throw InvalidArgument(name, "[", t, "] is ", values[t], "; it must be finite");
    }
  };
  check(in.advantages, "advantages", true);
  check(in.old_logprobs, "old_logprobs", false);
  check(in.reference_logprobs, "reference_logprobs", false);
  check(in.rollout_logprobs, "rollout_logprobs", false);
  if (in.options.kl_weight > 0 && in.reference_logprobs.empty()) {
    throw InvalidArgument("kl_weight is ", in.options.kl_weight, " and there are no reference_logprobs");
  }
}

PolicyMetrics AccumulatePolicy(Trainer& trainer, const Batch& batch, const PolicyInputs& in) {
  if (trainer.group() != nullptr && !in.of_all) return PolicyTogether(trainer, batch, in);
  CheckInputs(batch, in);
  const std::vector<double> weights = PredictionWeights(batch);
  PolicyOptions options = in.options;
  double own = 0;  // what this batch is of the denominator
  for (size_t d = 0; d < CountDocuments(batch); ++d) {
    double sum = 0;
    for (int64_t t = batch.offsets[d]; t < batch.offsets[d + 1]; ++t) sum += weights[static_cast<size_t>(t)];
    own += options.reduction == PolicyReduction::kTokenMean ? sum : sum != 0 ? 1 : 0;
  }
  if (options.denominator == 0) {
    options.denominator = own;
    if (!(options.denominator > 0)) {
      throw InvalidArgument("the weights of the predicted tokens sum to ", options.denominator, "; give a denominator above 0");
    }
  }
  CheckPolicy(options);

  PolicyMetrics m;
  const bool entropy = in.wants_entropy || options.entropy_weight != 0;
  const Objective objective{
      .entropy = entropy,
      .share = std::max(own, 0.0) / options.denominator,
      .loss = [&](const DocumentLosses& run, double& loss) {
        for (int64_t d = run.first_document; d < run.first_document + run.documents; ++d) {
          const Place place = PlaceOf(batch, run, d);
          const size_t n = place.end - place.begin, first = place.first_token + place.begin;
          const auto of_batch = [&](auto values) { return values.empty() ? values : values.subspan(first, n); };
          const auto of_run = [&](auto values) { return values.empty() ? values : values.subspan(place.begin, n); };
          const PolicySums one = LossOfDocument(options, {.logprobs = of_run(run.logprobs),
                                                          .weights = std::span<const double>(weights).subspan(first, n),
                                                          .advantages = of_batch(in.advantages),
                                                          .old_logprobs = of_batch(in.old_logprobs),
                                                          .reference_logprobs = of_batch(in.reference_logprobs),
                                                          .rollout_logprobs = of_batch(in.rollout_logprobs),
                                                          .entropies = of_run(run.entropies),
                                                          .d_logprobs = of_run(run.d_logprobs),
                                                          .d_entropies = of_run(run.d_entropies)});
          m.sums.Add(one);
          loss += one.loss;
        }
      }};
  m.tokens = Run(trainer, batch, objective, in.forward_only).tokens;
  return m;
}

}  // namespace hlm
