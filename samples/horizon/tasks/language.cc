// --task pretrain and sft: the loss of every trained token, whatever documents share a row.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "samples/horizon/tasks/example_task.h"

namespace horizon {
namespace {

class LanguageTask : public ExampleTask {
 public:
  LanguageTask(const Options& options, const Json& model, const Group& group) : ExampleTask(options, model, group) {}

  hlm_step_metrics Step(Trainer& trainer, int64_t step, Json& more) override {
    const DealtBatch share(group_, data_.Next());
    const hlm_step_metrics metrics = trainer.Step(share.view());
    data_.Tell(step, more);
    return metrics;
  }

  // Ranks take the held-out steps by turns, and what each says of its own is added in their order.
  Json Evaluate(Trainer& trainer) override {
    std::vector<double> sums;  // kSums of each step
    group_.Together([&] {
      int64_t steps = 0;
      data_.ForEachHeldOut([&](const hlm_dataset_batch& batch) {
        sums.resize(sums.size() + kSums, std::numeric_limits<double>::quiet_NaN());
        if (steps++ % group_.size() == group_.rank()) Score(trainer, batch, &sums[sums.size() - kSums]);
      });
    });
    group_.Merge(sums);
    double of_all[kSums] = {};
    for (size_t i = 0; i < sums.size(); ++i) of_all[i % kSums] += sums[i];
    const auto [tokens, loss, entropy, right] = of_all;
    return {{"eval_loss", loss / tokens},
            {"eval_perplexity", std::exp(loss / tokens)},
            {"eval_tokens", static_cast<int64_t>(tokens)},
            {"eval_mean_token_accuracy", right / tokens},
            {"eval_entropy", entropy / tokens}};
  }

 private:
  static constexpr size_t kSums = 4;  // predicted tokens, their losses, entropies, and those that were the likeliest

  // One forward pass says of each token how likely it was, how sure the model was, and whether it was the likeliest.
  void Score(Trainer& trainer, const hlm_dataset_batch& batch, double* sums) {
    const hlm_batch view = ViewOf(batch);
    logprobs_.resize(batch.n_ids);
    entropies_.resize(batch.n_ids);
    greedy_.resize(batch.n_ids);
    trainer.Logprobs(view, logprobs_, nullptr, entropies_, greedy_);
    std::fill_n(sums, kSums, 0.0);
    for (size_t t = 0; t < batch.n_ids; ++t) {
      if (batch.labels[t] == kIgnoredLabel) continue;
      sums[0] += 1;
      sums[1] -= logprobs_[t];
      sums[2] += entropies_[t];
      sums[3] += logprobs_[t] == greedy_[t];
    }
  }

  std::vector<float> logprobs_, entropies_, greedy_;
};

}  // namespace

std::unique_ptr<Task> MakeLanguageTask(const Options& options, const Json& model, const Group& group) {
  return std::make_unique<LanguageTask>(options, model, group);
}

}  // namespace horizon
