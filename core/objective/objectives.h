// The closed forms: preference pairs, good and bad answers, policy gradients, as one call of a trainer. What is over a batch
// (which tokens count, denominators, metrics) is here; the mathematics is core/objective's. With `forward_only` of the inputs the loss
// and the metrics are found by a forward pass, and nothing is accumulated.
#ifndef HORIZON_LM_CORE_OBJECTIVE_OBJECTIVES_H_
#define HORIZON_LM_CORE_OBJECTIVE_OBJECTIVES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/data/batch.h"
#include "core/objective/policy.h"
#include "core/objective/preference.h"
#include "core/train/trainer.h"

namespace hlm {

// Each document's sum of weight * log-probability, in token order in double, and of its weights (PredictionWeights).
struct DocumentSums {
  std::vector<double> logprobs, tokens;  // [documents]
};
DocumentSums SumDocuments(const Batch& batch, std::span<const float> logprobs);

// Where the reference's log-probabilities of a batch come from: a sum for each document, or one for each token; or nowhere.
struct Reference {
  std::span<const double> sums;
  std::span<const float> logprobs;
  bool none = false;
};

struct PreferenceInputs {
  PreferenceOptions options;
  double denominator = 0;      // pairs of the whole step; 0: of this batch
  double sft_denominator = 0;  // above 0: the SFT share is -s / this, not the mean over pairs of -s / n
  Reference reference;
  bool forward_only = false;
  bool of_all = false;  // in a group of processes: batch and inputs are those of all ranks
};
struct PreferenceMetrics {
  double loss = 0;  // this batch's share of the step's
  int64_t pairs = 0, tokens = 0;
  double accuracy = 0, margin = 0;  // means over the pairs, as all that follows
  double reward_chosen = 0, reward_rejected = 0, logprob_chosen = 0, logprob_rejected = 0, sft = 0;
};
// What one process can refuse of its own share: Accumulate... refuses it, in a group for all ranks. Here and below.
void CheckInputs(const Batch& batch, const PreferenceInputs& inputs);
PreferenceMetrics AccumulatePreference(Trainer& trainer, const Batch& batch, const PreferenceInputs& inputs);

struct UnpairedInputs {
  UnpairedOptions options;
  std::span<const int32_t> desirable;  // [documents] 1 or 0
  double denominator = 0;              // documents of the whole step; 0: of this batch
  Reference reference;
  double kl = 0;                      // not negative; used where there is no mismatched batch
  const Batch* mismatched = nullptr;  // prompts with answers of others: the mean of s - ref over it, at least 0, is the KL
  Reference mismatched_reference;
  const FrozenWeights* mismatched_weights = nullptr;  // that are its reference; null: mismatched_reference
  bool forward_only = false;
  bool of_all = false;  // in a group of processes: batch and inputs are those of all ranks
};
struct UnpairedMetrics {
  double loss = 0, kl = 0;
  int64_t desirable = 0, undesirable = 0, tokens = 0;
  double reward_desirable = 0, reward_undesirable = 0, logprob_desirable = 0, logprob_undesirable = 0;  // means; 0 of none
};
void CheckInputs(const Batch& batch, const UnpairedInputs& inputs);
UnpairedMetrics AccumulateUnpaired(Trainer& trainer, const Batch& batch, const UnpairedInputs& inputs);

struct PolicyInputs {
  PolicyOptions options;              // denominator 0: the weights (token-mean) or the documents (sequence-) of this batch
  std::span<const float> advantages;  // [n_ids], as those below
  std::span<const float> old_logprobs, reference_logprobs, rollout_logprobs;  // or empty
  bool wants_entropy = false;
  bool forward_only = false;
  bool of_all = false;  // in a group of processes: batch and inputs are those of all ranks
};
struct PolicyMetrics {
  PolicySums sums;
  int64_t tokens = 0;
};
void CheckInputs(const Batch& batch, const PolicyInputs& inputs);
PolicyMetrics AccumulatePolicy(Trainer& trainer, const Batch& batch, const PolicyInputs& inputs);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_OBJECTIVE_OBJECTIVES_H_
