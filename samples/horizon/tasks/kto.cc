// --task kto: answers that are good or bad one by one, with no pairs.
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "samples/horizon/tasks/example_task.h"

namespace horizon {
namespace {

class KtoTask : public ReferencedTask {
 public:
  KtoTask(const Options& options, const Json& model, const Group& group) : ReferencedTask(options, model, group) {}

  void Prepare(Trainer& trainer, Progress& progress) override {
    PrepareReference(trainer, progress);
    // Each step pairs prompts with other answers: what the reference says of those cannot be known before.
    if (options_.task.kept_weights() == 0) return;
    kept_ = trainer.KeepWeights();
  }

  hlm_step_metrics Step(Trainer& trainer, int64_t step, Json& more) override {
    const hlm_kto_metrics documents = Run(trainer, data_.Next(), data_.train(), reference_, false);
    const hlm_step_metrics metrics = Apply(trainer, step, more);
    Tell(documents, "", more);
    return metrics;
  }

  Json Evaluate(Trainer& trainer) override {
    hlm::KtoMetrics sum;
    data_.ForEachHeldOut([&](const hlm_dataset_batch& batch) {
      const hlm_kto_metrics one = Run(trainer, batch, *data_.evaluation(), eval_reference_, true);
      const auto good = static_cast<double>(one.desirable), bad = static_cast<double>(one.undesirable);
      sum.loss += one.loss * (good + bad);
      sum.kl += one.kl * (good + bad);
      sum.reward_desirable += one.reward_desirable * good;
      sum.logprob_desirable += one.logprob_desirable * good;
      sum.reward_undesirable += one.reward_undesirable * bad;
      sum.logprob_undesirable += one.logprob_undesirable * bad;
      sum.desirable += one.desirable;
      sum.undesirable += one.undesirable;
      sum.tokens += one.tokens;
    });
    const auto good = static_cast<double>(sum.desirable), bad = static_cast<double>(sum.undesirable);
    sum.loss /= good + bad;
    sum.kl /= good + bad;
    sum.reward_desirable /= good;
    sum.logprob_desirable /= good;
    sum.reward_undesirable /= bad;
    sum.logprob_undesirable /= bad;
    Json line = {{"eval_loss", sum.loss}, {"eval_tokens", sum.tokens}};
    Tell(sum, "eval_", line);
    return line;
  }

 private:
  hlm_kto_metrics Run(Trainer& trainer, const hlm_dataset_batch& batch, Examples& set, const Reference& reference,
                      bool forward_only) {
    const DealtBatch share(group_, batch);
    const std::vector<double> all = reference.SumsOf(batch);
    const std::span<const double> sums = share.Of<double>(all);
    const std::span<const int32_t> desirable = share.Of(std::span(batch.desirable, batch.n_desirable));
    hlm::KtoOptions loss;
    loss.beta = options_.task.Beta();
    loss.desirable_weight = options_.task.desirable_weight;
    loss.undesirable_weight = options_.task.undesirable_weight;
    loss.desirable = desirable.empty() ? nullptr : desirable.data();
    loss.n_desirable = desirable.size();
    loss.reference_sums = sums.empty() ? nullptr : sums.data();
    loss.n_reference_sums = sums.size();
    loss.forward_only = forward_only ? 1 : 0;
    std::optional<DealtBatch> others;
    if (kept_) {
      const hlm_dataset_batch mismatched = set.Mismatched();
      if (mismatched.n_ids > 0) {  // a step of one prompt has no other's answer
        others.emplace(group_, mismatched);
        loss.mismatched = &others->view();
        loss.mismatched_weights = kept_.get();
      }
    }
    return trainer.AccumulateKto(share.view(), loss);
  }

  static void Tell(const hlm_kto_metrics& metrics, const std::string& prefix, Json& more) {
    const double none = std::numeric_limits<double>::quiet_NaN();  // null in the line: there is no such document
    const bool good = metrics.desirable > 0, bad = metrics.undesirable > 0;
    more[prefix + "kl"] = metrics.kl;
    more[prefix + "rewards/chosen"] = good ? metrics.reward_desirable : none;
    more[prefix + "rewards/rejected"] = bad ? metrics.reward_undesirable : none;
    more[prefix + "rewards/margins"] = good && bad ? metrics.reward_desirable - metrics.reward_undesirable : none;
    more[prefix + "logps/chosen"] = good ? metrics.logprob_desirable : none;
    more[prefix + "logps/rejected"] = bad ? metrics.logprob_undesirable : none;
    more[prefix + "count/chosen"] = metrics.desirable;
    more[prefix + "count/rejected"] = metrics.undesirable;
  }

  hlm::Weights kept_;
};

}  // namespace

std::unique_ptr<Task> MakeKtoTask(const Options& options, const Json& model, const Group& group) {
  return std::make_unique<KtoTask>(options, model, group);
}

}  // namespace horizon
