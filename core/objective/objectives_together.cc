#include "core/objective/objectives_together.h"

#include "core/train/group_batch.h"

namespace hlm {
namespace {

// A rank without documents has nothing to give, and does not miss it.
bool Some(const Batch& batch) { return !batch.ids.empty(); }

// Why this rank cannot take part, told to all before anything is gathered.
template <class Inputs>
std::optional<Error> Refused(const Batch& batch, const Inputs& in) {
  if (batch.refused) return batch.refused;
  if (!Some(batch)) return std::nullopt;
  try {
    CheckInputs(batch, in);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

// A reference of all ranks' documents, by document or by token.
struct ReferenceOfAll {
  ReferenceOfAll(ProcessGroup& group, const Reference& own, const Batch& batch)
      : sums(GatherArray(group, own.sums, "reference_sums", Some(batch))),
        logprobs(GatherArray(group, own.logprobs, "reference_logprobs", Some(batch))),
        none(own.none) {}
  Reference view() const { return {sums, logprobs, none}; }
  std::vector<double> sums;
  std::vector<float> logprobs;
  bool none;
};

}  // namespace

PreferenceMetrics PreferenceTogether(Trainer& trainer, const Batch& batch, const PreferenceInputs& in) {
  ProcessGroup& group = *trainer.group();
  const PreferenceOptions& o = in.options;
  const GroupBatch all(
      group, batch, Refused(batch, in),
      StrCat("a preference loss, kind ", static_cast<int>(o.kind), ", beta ", o.beta, ", gamma ", o.gamma, ", label_smoothing ",
             o.label_smoothing, ", sft_weight ", o.sft_weight, ", loss denominator ", in.denominator, ", sft_denominator ",
             in.sft_denominator, ", reference_free ", in.reference.none, ", forward_only ", in.forward_only));
  const ReferenceOfAll reference(group, in.reference, batch);
  PreferenceInputs whole = in;
  whole.of_all = true;
  whole.reference = reference.view();
  return AccumulatePreference(trainer, all.batch(), whole);
}

UnpairedMetrics UnpairedTogether(Trainer& trainer, const Batch& batch, const UnpairedInputs& in) {
  ProcessGroup& group = *trainer.group();
  const UnpairedOptions& o = in.options;
  const GroupBatch all(
      group, batch, Refused(batch, in),
      StrCat("a loss of KTO, beta ", o.beta, ", desirable_weight ", o.desirable_weight, ", undesirable_weight ",
             o.undesirable_weight, ", loss denominator ", in.denominator, ", kl ", in.kl, ", mismatched answers ",
             in.mismatched != nullptr, ", kept weights for them ", in.mismatched_weights != nullptr, ", reference_free ",
             in.reference.none, ", forward_only ", in.forward_only));
  const std::vector<int32_t> desirable = GatherArray(group, in.desirable, "desirable", Some(batch));
  const ReferenceOfAll reference(group, in.reference, batch);
  UnpairedInputs whole = in;
  whole.of_all = true;
  whole.desirable = desirable;
  whole.reference = reference.view();
  if (in.mismatched == nullptr) return AccumulateUnpaired(trainer, all.batch(), whole);
  const GroupBatch mismatched(group, *in.mismatched, std::nullopt, "its mismatched batch");
  const Batch view = mismatched.batch();
  whole.mismatched = &view;
  if (in.mismatched_weights != nullptr) return AccumulateUnpaired(trainer, all.batch(), whole);
  const ReferenceOfAll of_mismatched(group, in.mismatched_reference, *in.mismatched);
  whole.mismatched_reference = of_mismatched.view();
  return AccumulateUnpaired(trainer, all.batch(), whole);
}

PolicyMetrics PolicyTogether(Trainer& trainer, const Batch& batch, const PolicyInputs& in) {
  ProcessGroup& group = *trainer.group();
  const PolicyOptions& o = in.options;
  const GroupBatch all(group, batch, Refused(batch, in),
                       StrCat("a policy's loss, kind ", static_cast<int>(o.kind), ", ratio ", static_cast<int>(o.ratio), ", kl ",
                              static_cast<int>(o.kl), ", reduction ", static_cast<int>(o.reduction), ", clip_low ", o.clip_low,
                              ", clip_high ", o.clip_high, ", dual_clip ", o.dual_clip, ", kl_weight ", o.kl_weight,
                              ", importance_cap ", o.importance_cap, ", entropy_weight ", o.entropy_weight, ", loss denominator ",
                              o.denominator, ", entropies wanted ", in.wants_entropy, ", forward_only ", in.forward_only));
  const auto gather = [&](std::span<const float> own, const char* name) { return GatherArray(group, own, name, Some(batch)); };
  const std::vector<float> advantages = gather(in.advantages, "advantages"), old = gather(in.old_logprobs, "old_logprobs"),
                           reference = gather(in.reference_logprobs, "reference_logprobs"),
                           rollout = gather(in.rollout_logprobs, "rollout_logprobs");
  PolicyInputs whole = in;
  whole.of_all = true;
  whole.advantages = advantages;
  whole.old_logprobs = old;
  whole.reference_logprobs = reference;
  whole.rollout_logprobs = rollout;
  return AccumulatePolicy(trainer, all.batch(), whole);
}

}  // namespace hlm
