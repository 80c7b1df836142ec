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
      StrCat("a preference loss of kind ", static_cast<int>(o.kind), " ", o.beta, " ", o.gamma, " ", o.label_smoothing, " ",
             o.sft_weight, " ", in.denominator, " ", in.sft_denominator, " ", in.reference.none, " ", in.forward_only));
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
      StrCat("a loss of KTO ", o.beta, " ", o.desirable_weight, " ", o.undesirable_weight, " ", in.denominator, " ", in.kl, " ",
             in.mismatched != nullptr, " ", in.mismatched_weights != nullptr, " ", in.reference.none, " ", in.forward_only));
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
  const GroupBatch all(
      group, batch, Refused(batch, in),
      StrCat("a policy's loss ", static_cast<int>(o.kind), " ", static_cast<int>(o.ratio), " ", static_cast<int>(o.kl), " ",
             static_cast<int>(o.reduction), " ", o.clip_low, " ", o.clip_high, " ", o.dual_clip, " ", o.kl_weight, " ",
             o.importance_cap, " ", o.entropy_weight, " ", o.denominator, " ", in.wants_entropy, " ", in.forward_only));
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
