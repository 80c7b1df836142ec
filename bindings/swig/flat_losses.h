// Log-probabilities and the losses made of them, as flat.h.
#ifndef HORIZON_LM_BINDINGS_SWIG_FLAT_LOSSES_H_
#define HORIZON_LM_BINDINGS_SWIG_FLAT_LOSSES_H_

#include "flat.h"

static hlm_error* hlm_flat_trainer_logprobs(hlm_trainer* trainer, const hlm_weights* kept, HLM_BATCH_ARGUMENTS, float* logprobs,
                                            size_t n_logprobs, float* entropies, size_t n_entropies, float* greedy,
                                            size_t n_greedy) {
  const hlm_batch batch = hlm_bind::MakeBatch(HLM_BATCH_NAMES);
  return hlm_trainer_logprobs(trainer, kept, &batch, logprobs, n_logprobs, entropies, n_entropies, greedy, n_greedy);
}

static hlm_error* hlm_flat_trainer_evaluate_weights(hlm_trainer* trainer, const hlm_weights* kept, HLM_BATCH_ARGUMENTS,
                                                    double* out_loss, int64_t* out_tokens) {
  const hlm_batch batch = hlm_bind::MakeBatch(HLM_BATCH_NAMES);
  return hlm_trainer_evaluate_weights(trainer, kept, &batch, out_loss, out_tokens);
}

static hlm_error* hlm_flat_batch_sum_logprobs(HLM_BATCH_ARGUMENTS, const float* logprobs, size_t n_logprobs, double* sums,
                                              size_t n_sums, double* tokens, size_t n_tokens) {
  const hlm_batch batch = hlm_bind::MakeBatch(HLM_BATCH_NAMES);
  return hlm_batch_sum_logprobs(&batch, logprobs, n_logprobs, sums, n_sums, tokens, n_tokens);
}

static hlm_error* hlm_flat_trainer_accumulate_preference(hlm_trainer* trainer, HLM_BATCH_ARGUMENTS,
                                                         const hlm_preference_options* options, const double* reference_sums,
                                                         size_t n_reference_sums, const float* reference_logprobs,
                                                         size_t n_reference_logprobs, hlm_preference_metrics* out_metrics) {
  const hlm_batch batch = hlm_bind::MakeBatch(HLM_BATCH_NAMES);
  hlm_preference_options own;
  hlm_preference_options_init(&own);
  if (options != nullptr) own = *options;
  own.reference_sums = reference_sums;
  own.n_reference_sums = n_reference_sums;
  own.reference_logprobs = reference_logprobs;
  own.n_reference_logprobs = n_reference_logprobs;
  return hlm_trainer_accumulate_preference(trainer, &batch, &own, out_metrics);
}

// The batch of mismatched answers is predicted at the temperature of the other.
static hlm_error* hlm_flat_trainer_accumulate_kto(
    hlm_trainer* trainer, HLM_BATCH_ARGUMENTS, const hlm_kto_options* options, const int32_t* desirable, size_t n_desirable,
    const double* reference_sums, size_t n_reference_sums, const float* reference_logprobs, size_t n_reference_logprobs,
    const int32_t* mismatched_ids, size_t n_mismatched_ids, const int64_t* mismatched_offsets, size_t n_mismatched_offsets,
    const int32_t* mismatched_labels, size_t n_mismatched_labels, const float* mismatched_weights, size_t n_mismatched_weights,
    const double* mismatched_sums, size_t n_mismatched_sums, hlm_kto_metrics* out_metrics) {
  const hlm_batch batch = hlm_bind::MakeBatch(HLM_BATCH_NAMES);
  const hlm_batch mismatched =
      hlm_bind::MakeBatch(mismatched_ids, n_mismatched_ids, mismatched_offsets, n_mismatched_offsets, mismatched_labels,
                          n_mismatched_labels, mismatched_weights, n_mismatched_weights, 0, nullptr, 0, temperature);
  hlm_kto_options own;
  hlm_kto_options_init(&own);
  if (options != nullptr) own = *options;
  own.desirable = desirable;
  own.n_desirable = n_desirable;
  own.reference_sums = reference_sums;
  own.n_reference_sums = n_reference_sums;
  own.reference_logprobs = reference_logprobs;
  own.n_reference_logprobs = n_reference_logprobs;
  own.mismatched = mismatched_offsets != nullptr ? &mismatched : nullptr;
  own.mismatched_sums = mismatched_sums;
  own.n_mismatched_sums = n_mismatched_sums;
  return hlm_trainer_accumulate_kto(trainer, &batch, &own, out_metrics);
}

static hlm_error* hlm_flat_trainer_accumulate_policy(hlm_trainer* trainer, HLM_BATCH_ARGUMENTS, const hlm_policy_options* options,
                                                     const float* advantages, size_t n_advantages, const float* old_logprobs,
                                                     size_t n_old_logprobs, const float* reference_logprobs,
                                                     size_t n_reference_logprobs, const float* rollout_logprobs,
                                                     size_t n_rollout_logprobs, hlm_policy_metrics* out_metrics) {
  const hlm_batch batch = hlm_bind::MakeBatch(HLM_BATCH_NAMES);
  hlm_policy_options own;
  hlm_policy_options_init(&own);
  if (options != nullptr) own = *options;
  own.advantages = advantages;
  own.n_advantages = n_advantages;
  own.old_logprobs = old_logprobs;
  own.n_old_logprobs = n_old_logprobs;
  own.reference_logprobs = reference_logprobs;
  own.n_reference_logprobs = n_reference_logprobs;
  own.rollout_logprobs = rollout_logprobs;
  own.n_rollout_logprobs = n_rollout_logprobs;
  return hlm_trainer_accumulate_policy(trainer, &batch, &own, out_metrics);
}

#endif  // HORIZON_LM_BINDINGS_SWIG_FLAT_LOSSES_H_
