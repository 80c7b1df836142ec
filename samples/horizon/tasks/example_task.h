// What the tasks on examples share: where the data come from, where a run is in them, and the model that it began from.
#ifndef HORIZON_LM_SAMPLES_HORIZON_TASKS_EXAMPLE_TASK_H_
#define HORIZON_LM_SAMPLES_HORIZON_TASKS_EXAMPLE_TASK_H_

#include <span>
#include <string>
#include <vector>

#include "samples/horizon/base/json.h"
#include "samples/horizon/data/examples.h"
#include "samples/horizon/tasks/reference.h"
#include "samples/horizon/tasks/task.h"

namespace horizon {

// A rank's share of a step's documents, in whole runs of `run` (2: pairs). It points into the step's.
class DealtBatch {
 public:
  DealtBatch(const Group& group, const hlm_dataset_batch& whole, int64_t run = 1);
  const hlm_batch& view() const { return view_; }
  // Of values by document of the whole step, this rank's.
  template <class T>
  std::span<const T> Of(std::span<const T> values) const {
    return values.empty() ? values : values.subspan(first_, documents_);
  }

 private:
  size_t first_, documents_;
  std::vector<int64_t> offsets_;
  hlm_batch view_;
};

class ExampleTask : public Task {
 public:
  std::string name() const override { return options_.task.task; }
  std::string Summary() const override { return data_.Summary(); }
  Json Description() const override { return data_.Description(); }
  int64_t rows() const override { return data_.rows(); }
  int64_t row_tokens() const override { return options_.shape.seq_len; }
  int64_t steps_per_epoch() const override { return data_.steps_per_epoch(); }
  bool has_token_metrics() const override { return true; }
  int64_t step_tokens() const override { return data_.step_tokens(); }

  Json Identity() const override { return data_.Identity(); }
  Json Contents() const override { return data_.Contents(); }
  Json Position() override {
    Json position = Identity();
    position.update(data_.Position());
    return position;
  }
  void Seek(const Json& position, int64_t) override { data_.Seek(position); }

  bool has_evaluation() const override { return data_.has_evaluation(); }

 protected:
  ExampleTask(const Options& options, const Json& model, const Group& group)
      : options_(options), group_(group), data_(options, model) {}

  const Options& options_;
  const Group& group_;
  ExampleData data_;
};

// A loss that compares with a reference: the model that the run began from.
class ReferencedTask : public ExampleTask {
 public:
  // A run that goes on with another reference would be another run.
  Json Identity() const override;

 protected:
  ReferencedTask(const Options& options, const Json& model, const Group& group)
      : ExampleTask(options, model, group), model_(model) {}

  // What the trainer's weights say of all examples; for Prepare, where the loss has a reference.
  void PrepareReference(Trainer& trainer, Progress& progress);

  // The update with what was accumulated for step `step`, whose place in the data goes to `more`.
  hlm_step_metrics Apply(Trainer& trainer, int64_t step, Json& more) const;

  Reference reference_, eval_reference_;

 private:
  const Json& model_;
  std::string key_;  // what the reference was computed with; "": there is none
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_TASKS_EXAMPLE_TASK_H_
