// Rows of token files: every token is predicted, unless its label is -100.
#include <algorithm>
#include <optional>

#include "samples/horizon/base/text.h"
#include "samples/horizon/data/dataset.h"
#include "samples/horizon/data/order.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/tasks/task.h"

namespace horizon {
namespace {

class RowsTask : public Task {
 public:
  RowsTask(const Options& options, const Json& model, const Group& group)
      : options_(options),
        group_(group),
        data_(Open(options, model, options.data.data, options.data.labels)),
        order_(data_.rows(), options.shape.batch_size, options.run.seed, !options.run.no_shuffle) {
    if (!options.run.eval_data.empty()) eval_data_.emplace(Open(options, model, options.run.eval_data, options.run.eval_labels));
  }

  std::string name() const override { return "rows"; }
  std::string Summary() const override {
    return FormatCount(data_.rows(), "row") + " of " + FormatCount(data_.row_tokens(), "token") + ", " +
           FormatCount(std::min(options_.shape.batch_size, data_.rows())) + " in a step";
  }
  int64_t rows() const override { return options_.shape.batch_size; }
  // Held-out rows may be longer than those trained on; they go through the same plan.
  int64_t row_tokens() const override { return std::max(data_.row_tokens(), eval_data_ ? eval_data_->row_tokens() : 0); }
  int64_t steps_per_epoch() const override { return order_.batches_per_epoch(); }

  hlm_step_metrics Step(Trainer& trainer, int64_t step, Json&) override {
    const std::span<const int64_t> rows = order_.Batch(step - 1);
    step_tokens_ = static_cast<int64_t>(rows.size()) * data_.row_tokens();
    data_.Fill(RowsOf(group_, rows), batch_);
    const hlm_batch view = ViewOf(batch_);
    // Where every label of these rows is -100 there is nothing to learn: the library skips the step, the run goes on.
    return trainer.Step(view);
  }

  int64_t step_tokens() const override { return step_tokens_; }

  Json Identity() const override {
    return {{"rows", data_.rows()},
            {"row_tokens", data_.row_tokens()},
            {"batch_size", options_.shape.batch_size},
            {"seed", options_.run.seed},
            {"shuffle", !options_.run.no_shuffle}};
  }

  Json Contents() const override { return {{kHashOfData, data_.hash()}, {kHashOfHeldOut, eval_data_ ? eval_data_->hash() : ""}}; }

  bool has_evaluation() const override { return eval_data_.has_value(); }
  Json Evaluate(Trainer& trainer) override {
    const Evaluation result = horizon::Evaluate(trainer, *eval_data_, options_.shape.batch_size, group_);
    return {{"eval_loss", result.loss}, {"eval_perplexity", result.perplexity}, {"eval_tokens", result.tokens}};
  }

 private:
  static Dataset Open(const Options& options, const Json& model, const std::string& data, const std::string& labels) {
    const int64_t vocab_size = model.at("vocab_size").get<int64_t>();
    return Dataset(data, labels, options.shape.seq_len, vocab_size, ReaderOf(options.model, vocab_size));
  }

  const Options& options_;
  const Group& group_;
  Dataset data_;
  std::optional<Dataset> eval_data_;
  RowOrder order_;
  Batch batch_;  // the rank's share
  int64_t step_tokens_ = 0;
};

}  // namespace

std::unique_ptr<Task> MakeRowsTask(const Options& options, const Json& model, const Group& group) {
  return std::make_unique<RowsTask>(options, model, group);
}

}  // namespace horizon
