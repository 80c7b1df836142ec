// --task dpo, orpo and simpo: of two answers to a prompt the chosen one is to become likelier than the rejected one.
#include <vector>

#include "samples/horizon/tasks/example_task.h"

namespace horizon {
namespace {

class PreferenceTask : public ReferencedTask {
 public:
  PreferenceTask(const Options& options, const Json& model, const Group& group) : ReferencedTask(options, model, group) {
    const TaskOptions& task = options.task;
    loss_.kind = task.task == "orpo" ? HLM_PREFERENCE_ORPO : task.task == "simpo" ? HLM_PREFERENCE_SIMPO : task.loss;
    loss_.beta = task.Beta();
    loss_.gamma = task.Gamma();
    loss_.label_smoothing = task.label_smoothing;
    loss_.sft_weight = task.sft_weight;
    loss_.reference_free = task.reference_free ? 1 : 0;
  }

  void Prepare(Trainer& trainer, Progress& progress) override {
    if (HasReference()) PrepareReference(trainer, progress);
  }

  hlm_step_metrics Step(Trainer& trainer, int64_t step, Json& more) override {
    const hlm_preference_metrics pairs = Run(trainer, data_.Next(), reference_, false);
    const hlm_step_metrics metrics = Apply(trainer, step, more);
    Tell(pairs, "", more);
    return metrics;
  }

  Json Evaluate(Trainer& trainer) override {
    hlm::PreferenceMetrics sum;
    data_.ForEachHeldOut([&](const hlm_dataset_batch& batch) {
      const hlm_preference_metrics one = Run(trainer, batch, eval_reference_, true);
      const auto pairs = static_cast<double>(one.pairs);
      for (const auto member : kMeans) sum.*member += one.*member * pairs;
      sum.pairs += one.pairs;
      sum.tokens += one.tokens;
    });
    for (const auto member : kMeans) sum.*member /= static_cast<double>(sum.pairs);
    Json line = {{"eval_loss", sum.loss}, {"eval_tokens", sum.tokens}, {"eval_pairs", sum.pairs}};
    Tell(sum, "eval_", line);
    return line;
  }

 private:
  static constexpr double hlm_preference_metrics::*kMeans[] = {&hlm_preference_metrics::loss,
                                                               &hlm_preference_metrics::reward_chosen,
                                                               &hlm_preference_metrics::reward_rejected,
                                                               &hlm_preference_metrics::accuracy,
                                                               &hlm_preference_metrics::margin,
                                                               &hlm_preference_metrics::logprob_chosen,
                                                               &hlm_preference_metrics::logprob_rejected,
                                                               &hlm_preference_metrics::sft};

  bool HasReference() const { return options_.task.task == "dpo" && !options_.task.reference_free; }

  hlm_preference_metrics Run(Trainer& trainer, const hlm_dataset_batch& batch, const Reference& reference, bool forward_only) {
    const DealtBatch share(group_, batch, 2);
    std::vector<double> all;
    if (HasReference()) all = reference.SumsOf(batch);
    const std::span<const double> sums = share.Of<double>(all);
    hlm_preference_options loss = loss_;
    loss.reference_sums = sums.empty() ? nullptr : sums.data();
    loss.n_reference_sums = sums.size();
    loss.forward_only = forward_only ? 1 : 0;
    return trainer.AccumulatePreference(share.view(), loss);
  }

  void Tell(const hlm_preference_metrics& pairs, const std::string& prefix, Json& more) const {
    more[prefix + "rewards/chosen"] = pairs.reward_chosen;
    more[prefix + "rewards/rejected"] = pairs.reward_rejected;
    more[prefix + "rewards/accuracies"] = pairs.accuracy;
    more[prefix + "rewards/margins"] = pairs.margin;
    more[prefix + "logps/chosen"] = pairs.logprob_chosen;
    more[prefix + "logps/rejected"] = pairs.logprob_rejected;
    if (loss_.kind == HLM_PREFERENCE_ORPO || loss_.sft_weight > 0) more[prefix + "nll_loss"] = pairs.sft;
  }

  hlm::PreferenceOptions loss_;
};

}  // namespace

std::unique_ptr<Task> MakePreferenceTask(const Options& options, const Json& model, const Group& group) {
  return std::make_unique<PreferenceTask>(options, model, group);
}

}  // namespace horizon
