// Log-probabilities, kept weights, and the losses made of log-probabilities.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "c_api/batch.h"
#include "c_api/check.h"
#include "c_api/internal.h"
#include "core/objective/objectives.h"

namespace hlm::capi {
namespace {

hlm_preference_options PreferenceDefaults() {
  const PreferenceOptions own;
  hlm_preference_options out{};
  out.struct_size = sizeof(out);
  out.beta = own.beta;
  return out;
}

hlm_kto_options KtoDefaults() {
  const UnpairedOptions own;
  hlm_kto_options out{};
  out.struct_size = sizeof(out);
  out.beta = own.beta;
  out.desirable_weight = own.desirable_weight;
  out.undesirable_weight = own.undesirable_weight;
  return out;
}

hlm_policy_options PolicyDefaults() {
  const PolicyOptions own;
  hlm_policy_options out{};
  out.struct_size = sizeof(out);
  out.kl = HLM_KL_K3;
  out.clip_low = own.clip_low;
  out.clip_high = own.clip_high;
  return out;
}

template <class T>
T Empty() {
  T out{};
  out.struct_size = sizeof(out);
  return out;
}

static_assert(static_cast<int32_t>(Preference::kRobust) == HLM_PREFERENCE_ROBUST);
static_assert(static_cast<int32_t>(Preference::kIpo) == HLM_PREFERENCE_IPO);
static_assert(static_cast<int32_t>(Preference::kSppoHard) == HLM_PREFERENCE_SPPO_HARD);
static_assert(static_cast<int32_t>(Preference::kSimpo) == HLM_PREFERENCE_SIMPO);
static_assert(static_cast<int32_t>(PolicyKind::kCispo) == HLM_POLICY_CISPO);
static_assert(static_cast<int32_t>(RatioLevel::kSequence) == HLM_RATIO_SEQUENCE);
static_assert(static_cast<int32_t>(KlKind::kK3) == HLM_KL_K3 && static_cast<int32_t>(KlKind::kAbs) == HLM_KL_ABS);
static_assert(static_cast<int32_t>(PolicyReduction::kSequenceSum) == HLM_REDUCTION_SEQUENCE_SUM);

PreferenceInputs Convert(const hlm_preference_options& given) {
  CheckEnum(given.kind, "kind",
            {{HLM_PREFERENCE_SIGMOID, "SIGMOID"},
             {HLM_PREFERENCE_ROBUST, "ROBUST"},
             {HLM_PREFERENCE_HINGE, "HINGE"},
             {HLM_PREFERENCE_IPO, "IPO"},
             {HLM_PREFERENCE_SIGMOID_NORM, "SIGMOID_NORM"},
             {HLM_PREFERENCE_EXO_PAIR, "EXO_PAIR"},
             {HLM_PREFERENCE_NCA_PAIR, "NCA_PAIR"},
             {HLM_PREFERENCE_BCO_PAIR, "BCO_PAIR"},
             {HLM_PREFERENCE_SPPO_HARD, "SPPO_HARD"},
             {HLM_PREFERENCE_APO_ZERO, "APO_ZERO"},
             {HLM_PREFERENCE_APO_DOWN, "APO_DOWN"},
             {HLM_PREFERENCE_ORPO, "ORPO"},
             {HLM_PREFERENCE_SIMPO, "SIMPO"}});
  PreferenceInputs own;
  own.options = {static_cast<Preference>(given.kind), given.beta, given.gamma, given.label_smoothing, given.sft_weight};
  own.denominator = given.denominator;
  own.sft_denominator = given.sft_denominator;
  own.reference.sums = Buffer(given.reference_sums, given.n_reference_sums, "reference_sums");
  own.reference.logprobs = Buffer(given.reference_logprobs, given.n_reference_logprobs, "reference_logprobs");
  own.reference.none = ReadBool(given.reference_free, "reference_free");
  own.forward_only = ReadBool(given.forward_only, "forward_only");
  if (own.reference.none && !(own.reference.sums.empty() && own.reference.logprobs.empty())) {
    throw InvalidArgument("reference_free is 1 and a reference is given");
  }
  return own;
}

// `mismatched`: where the batch that is given stands while the call lasts.
UnpairedInputs Convert(const hlm_kto_options& given, Batch* mismatched) {
  UnpairedInputs own;
  own.options = {given.beta, given.desirable_weight, given.undesirable_weight};
  own.denominator = given.denominator;
  own.kl = given.kl;
  own.forward_only = ReadBool(given.forward_only, "forward_only");
  own.desirable = Buffer(given.desirable, given.n_desirable, "desirable");
  own.reference.sums = Buffer(given.reference_sums, given.n_reference_sums, "reference_sums");
  own.reference.logprobs = Buffer(given.reference_logprobs, given.n_reference_logprobs, "reference_logprobs");
  own.mismatched_reference.sums = Buffer(given.mismatched_sums, given.n_mismatched_sums, "mismatched_sums");
  if (given.mismatched != nullptr) {
    *mismatched = ReadBatch(given.mismatched);
    own.mismatched = mismatched;
    const size_t documents = mismatched->offsets.empty() ? 0 : mismatched->offsets.size() - 1;
    if (given.mismatched_weights != nullptr) {
      if (given.n_mismatched_sums != 0) throw InvalidArgument("both mismatched_sums and mismatched_weights are given; give one");
      own.mismatched_weights = given.mismatched_weights->weights.get();
    } else if (own.mismatched_reference.sums.size() != documents) {
      throw InvalidArgument("n_mismatched_sums is ", given.n_mismatched_sums,
                            "; it must be the number of documents of mismatched, ", documents);
    }
  } else if (given.n_mismatched_sums != 0) {
    throw InvalidArgument("mismatched_sums is given and mismatched is NULL");
  } else if (given.mismatched_weights != nullptr) {
    throw InvalidArgument("mismatched_weights is given and mismatched is NULL");
  }
  return own;
}

PolicyInputs Convert(const hlm_policy_options& given) {
  CheckEnum(given.kind, "kind", {{HLM_POLICY_CLIP, "CLIP"}, {HLM_POLICY_CISPO, "CISPO"}});
  CheckEnum(given.ratio, "ratio", {{HLM_RATIO_TOKEN, "TOKEN"}, {HLM_RATIO_SEQUENCE, "SEQUENCE"}});
  CheckEnum(given.kl, "kl", {{HLM_KL_K1, "K1"}, {HLM_KL_K2, "K2"}, {HLM_KL_K3, "K3"}, {HLM_KL_ABS, "ABS"}});
  CheckEnum(given.reduction, "reduction",
            {{HLM_REDUCTION_TOKEN_MEAN, "TOKEN_MEAN"},
             {HLM_REDUCTION_SEQUENCE_MEAN, "SEQUENCE_MEAN"},
             {HLM_REDUCTION_SEQUENCE_SUM, "SEQUENCE_SUM"}});
  PolicyInputs own;
  own.options = {.kind = static_cast<PolicyKind>(given.kind),
                 .ratio = static_cast<RatioLevel>(given.ratio),
                 .reduction = static_cast<PolicyReduction>(given.reduction),
                 .kl = static_cast<KlKind>(given.kl),
                 .clip_low = given.clip_low,
                 .clip_high = given.clip_high,
                 .dual_clip = given.dual_clip,
                 .kl_weight = given.kl_weight,
                 .importance_cap = given.importance_cap,
                 .entropy_weight = given.entropy_weight,
                 .denominator = given.denominator};
  own.forward_only = ReadBool(given.forward_only, "forward_only");
  own.advantages = Buffer(given.advantages, given.n_advantages, "advantages");
  own.old_logprobs = Buffer(given.old_logprobs, given.n_old_logprobs, "old_logprobs");
  own.reference_logprobs = Buffer(given.reference_logprobs, given.n_reference_logprobs, "reference_logprobs");
  own.rollout_logprobs = Buffer(given.rollout_logprobs, given.n_rollout_logprobs, "rollout_logprobs");
  return own;
}

hlm_preference_metrics ToC(const PreferenceMetrics& own) {
  hlm_preference_metrics out = Empty<hlm_preference_metrics>();
  out.loss = own.loss;
  out.reward_chosen = own.reward_chosen;
  out.reward_rejected = own.reward_rejected;
  out.accuracy = own.accuracy;
  out.margin = own.margin;
  out.logprob_chosen = own.logprob_chosen;
  out.logprob_rejected = own.logprob_rejected;
  out.sft = own.sft;
  out.pairs = own.pairs;
  out.tokens = own.tokens;
  return out;
}

hlm_kto_metrics ToC(const UnpairedMetrics& own) {
  hlm_kto_metrics out = Empty<hlm_kto_metrics>();
  out.loss = own.loss;
  out.kl = own.kl;
  out.reward_desirable = own.reward_desirable;
  out.reward_undesirable = own.reward_undesirable;
  out.logprob_desirable = own.logprob_desirable;
  out.logprob_undesirable = own.logprob_undesirable;
  out.desirable = own.desirable;
  out.undesirable = own.undesirable;
  out.tokens = own.tokens;
  return out;
}

hlm_policy_metrics ToC(const PolicyMetrics& own) {
  const PolicySums& s = own.sums;
  const auto mean = [&](double sum) { return s.weight > 0 ? sum / s.weight : 0.0; };
  hlm_policy_metrics out = Empty<hlm_policy_metrics>();
  out.loss = s.loss;
  out.policy = mean(s.policy);
  out.kl = mean(s.kl);
  out.entropy = mean(s.entropy);
  out.ratio = mean(s.ratio);
  out.least_ratio = s.least_ratio;
  out.largest_ratio = s.largest_ratio;
  out.approx_kl = mean(s.approx_kl);
  out.clipped_low = mean(s.clipped_low);
  out.clipped_high = mean(s.clipped_high);
  out.clipped_dual = mean(s.clipped_dual);
  out.importance = mean(s.importance);
  out.weight = s.weight;
  out.tokens = own.tokens;
  return out;
}

const FrozenWeights* Inner(const hlm_weights* weights) { return weights == nullptr ? nullptr : weights->weights.get(); }

// The core's objective around a function of the caller's.
struct CallersLoss {
  hlm_loss_fn fn;
  void* user_data;
  std::vector<float> d_logprobs, d_entropies;

  void operator()(const DocumentLosses& run, double& all) {
    d_logprobs.assign(run.d_logprobs.size(), 0.0f);
    d_entropies.assign(run.d_entropies.size(), 0.0f);
    double loss = 0;
    const bool entropy = !run.entropies.empty();
    const int32_t stop =
        fn(user_data, run.first_document, run.documents, run.logprobs.size(), run.logprobs.data(),
           entropy ? run.entropies.data() : nullptr, d_logprobs.data(), entropy ? d_entropies.data() : nullptr, &loss);
    if (stop != 0) throw Error(Code::kCancelled, StrCat("the loss function returned ", stop));
    std::copy(d_logprobs.begin(), d_logprobs.end(), run.d_logprobs.begin());
    std::copy(d_entropies.begin(), d_entropies.end(), run.d_entropies.begin());
    all += loss;
  }
};

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

void hlm_preference_options_init_sized(hlm_preference_options* options, size_t struct_size) {
  InitStruct(options, struct_size, PreferenceDefaults());
}
void hlm_preference_metrics_init_sized(hlm_preference_metrics* metrics, size_t struct_size) {
  InitStruct(metrics, struct_size, Empty<hlm_preference_metrics>());
}
void hlm_kto_options_init_sized(hlm_kto_options* options, size_t struct_size) { InitStruct(options, struct_size, KtoDefaults()); }
void hlm_kto_metrics_init_sized(hlm_kto_metrics* metrics, size_t struct_size) {
  InitStruct(metrics, struct_size, Empty<hlm_kto_metrics>());
}
void hlm_policy_options_init_sized(hlm_policy_options* options, size_t struct_size) {
  InitStruct(options, struct_size, PolicyDefaults());
}
void hlm_policy_metrics_init_sized(hlm_policy_metrics* metrics, size_t struct_size) {
  InitStruct(metrics, struct_size, Empty<hlm_policy_metrics>());
}

hlm_error* hlm_trainer_keep_weights(hlm_trainer* trainer, hlm_weights** out_weights) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    NotNull(out_weights, "out_weights");
    const Use use(trainer->in_use, "the trainer");
    auto handle = std::make_unique<hlm_weights>();
    handle->weights = trainer->trainer->KeepWeights();
    *out_weights = handle.release();
  });
}

void hlm_weights_destroy(hlm_weights* weights) { hlm::capi::Destroy(weights); }

hlm_error* hlm_trainer_logprobs(hlm_trainer* trainer, const hlm_weights* weights, const hlm_batch* batch, float* logprobs,
                                size_t n_logprobs, float* entropies, size_t n_entropies, float* greedy, size_t n_greedy) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    const hlm::Batch own = ReadBatch(batch);
    NotNull(logprobs, "logprobs");
    trainer->trainer->LogProbs(own, Inner(weights), Buffer(logprobs, n_logprobs, "logprobs"),
                               Buffer(entropies, n_entropies, "entropies"), Buffer(greedy, n_greedy, "greedy"));
  });
}

hlm_error* hlm_trainer_evaluate_weights(hlm_trainer* trainer, const hlm_weights* weights, const hlm_batch* batch,
                                        double* out_loss, int64_t* out_tokens) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    const hlm::BatchLoss loss = trainer->trainer->Evaluate(ReadSharedBatch(batch), Inner(weights));
    if (out_loss != nullptr) *out_loss = loss.loss;
    if (out_tokens != nullptr) *out_tokens = loss.tokens;
  });
}

hlm_error* hlm_batch_sum_logprobs(const hlm_batch* batch, const float* logprobs, size_t n_logprobs, double* sums, size_t n_sums,
                                  double* tokens, size_t n_tokens) {
  return Guard([&] {
    const hlm::Batch own = ReadBatch(batch);
    const auto out_sums = Buffer(sums, n_sums, "sums"), out_tokens = Buffer(tokens, n_tokens, "tokens");
    const hlm::DocumentSums made = hlm::SumDocuments(own, Buffer(logprobs, n_logprobs, "logprobs"));
    const auto check = [&](std::span<double> out, const char* name) {
      if (!out.empty() && out.size() != made.tokens.size()) {
        throw hlm::InvalidArgument("n_", name, " is ", out.size(), "; it must be the number of documents, ", made.tokens.size());
      }
    };
    check(out_sums, "sums");
    check(out_tokens, "tokens");
    if (!out_sums.empty()) std::copy(made.logprobs.begin(), made.logprobs.end(), out_sums.begin());
    if (!out_tokens.empty()) std::copy(made.tokens.begin(), made.tokens.end(), out_tokens.begin());
  });
}

hlm_error* hlm_trainer_accumulate_preference(hlm_trainer* trainer, const hlm_batch* batch, const hlm_preference_options* options,
                                             hlm_preference_metrics* out_metrics) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    hlm::Batch own = ReadSharedBatch(batch);
    hlm::PreferenceInputs inputs;
    ReadBeside(own, [&] {
      inputs = Convert(ReadStruct(options, PreferenceDefaults()));
      CheckOutStruct(out_metrics);
    });
    WriteStruct(ToC(hlm::AccumulatePreference(*trainer->trainer, own, inputs)), out_metrics);
  });
}

hlm_error* hlm_trainer_accumulate_kto(hlm_trainer* trainer, const hlm_batch* batch, const hlm_kto_options* options,
                                      hlm_kto_metrics* out_metrics) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    hlm::Batch own = ReadSharedBatch(batch), mismatched;
    hlm::UnpairedInputs inputs;
    ReadBeside(own, [&] {
      NotNull(options, "options");
      inputs = Convert(ReadStruct(options, KtoDefaults()), &mismatched);
      CheckOutStruct(out_metrics);
    });
    WriteStruct(ToC(hlm::AccumulateUnpaired(*trainer->trainer, own, inputs)), out_metrics);
  });
}

hlm_error* hlm_trainer_accumulate_policy(hlm_trainer* trainer, const hlm_batch* batch, const hlm_policy_options* options,
                                         hlm_policy_metrics* out_metrics) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    hlm::Batch own = ReadSharedBatch(batch);
    hlm::PolicyInputs inputs;
    ReadBeside(own, [&] {
      NotNull(options, "options");
      inputs = Convert(ReadStruct(options, PolicyDefaults()));
      CheckOutStruct(out_metrics);
    });
    inputs.wants_entropy = out_metrics != nullptr;
    WriteStruct(ToC(hlm::AccumulatePolicy(*trainer->trainer, own, inputs)), out_metrics);
  });
}

hlm_error* hlm_trainer_accumulate_fn(hlm_trainer* trainer, const hlm_batch* batch, int64_t group, int32_t entropies,
                                     hlm_loss_fn fn, void* user_data, double* out_loss, int64_t* out_tokens) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    if (fn == nullptr) throw hlm::InvalidArgument("fn is NULL");
    CheckAtLeast(group, 1, "group");
    const bool entropy = ReadBool(entropies, "entropies");
    const Use use(trainer->in_use, "the trainer");
    if (trainer->trainer->group() != nullptr) {
      throw hlm::Unimplemented("a loss of the caller's own in a group of ", trainer->trainer->group()->size(),
                               " processes: a rank knows only its own documents; hlm_trainer_logprobs and hlm_trainer_accumulate "
                               "with weights give the same gradient");
    }
    const hlm::BatchLoss loss = trainer->trainer->Accumulate(
        ReadBatch(batch), {.group = group, .entropy = entropy, .loss = CallersLoss{fn, user_data, {}, {}}});
    if (out_loss != nullptr) *out_loss = loss.loss;
    if (out_tokens != nullptr) *out_tokens = loss.tokens;
  });
}

}  // extern "C"
