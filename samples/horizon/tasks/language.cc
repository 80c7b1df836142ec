// --task pretrain and sft: the loss of every trained token, whatever documents share a row.
#include <cmath>
#include <vector>

#include "samples/horizon/tasks/example_task.h"

namespace horizon {
namespace {

class LanguageTask : public ExampleTask {
 public:
  LanguageTask(const Options& options, const Json& model) : ExampleTask(options, model) {}

  hlm_step_metrics Step(hlm_trainer* trainer, int64_t step, Json& more) override {
    const hlm_batch view = ViewOf(data_.Next());
    hlm_step_metrics metrics;
    hlm_step_metrics_init(&metrics);
    Check(hlm_trainer_step(trainer, &view, &metrics));
    data_.Tell(step, more);
    return metrics;
  }

  // One forward pass says of each token how likely it was, how sure the model was, and whether it was the likeliest.
  Json Evaluate(hlm_trainer* trainer) override {
    double loss = 0, entropy = 0;
    int64_t tokens = 0, right = 0;
    data_.ForEachHeldOut([&](const hlm_dataset_batch& batch) {
      const hlm_batch view = ViewOf(batch);
      logprobs_.resize(batch.n_ids);
      entropies_.resize(batch.n_ids);
      greedy_.resize(batch.n_ids);
      Check(hlm_trainer_logprobs(trainer, nullptr, &view, logprobs_.data(), batch.n_ids, entropies_.data(), batch.n_ids,
                                 greedy_.data(), batch.n_ids));
      for (size_t t = 0; t < batch.n_ids; ++t) {
        if (batch.labels[t] == kIgnoredLabel) continue;
        loss -= logprobs_[t];
        entropy += entropies_[t];
        right += logprobs_[t] == greedy_[t];
        ++tokens;
      }
    });
    const double n = static_cast<double>(tokens);
    return {{"eval_loss", loss / n},
            {"eval_perplexity", std::exp(loss / n)},
            {"eval_tokens", tokens},
            {"eval_mean_token_accuracy", static_cast<double>(right) / n},
            {"eval_entropy", entropy / n}};
  }

 private:
  std::vector<float> logprobs_, entropies_, greedy_;
};

}  // namespace

std::unique_ptr<Task> MakeLanguageTask(const Options& options, const Json& model) {
  return std::make_unique<LanguageTask>(options, model);
}

}  // namespace horizon
