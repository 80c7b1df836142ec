#include "samples/horizon/tasks/example_task.h"

namespace horizon {

DealtBatch::DealtBatch(const Group& group, const hlm_dataset_batch& whole, int64_t run) {
  const int64_t documents = whole.n_ids > 0 ? static_cast<int64_t>(whole.n_offsets) - 1 : 0;
  const auto [first, end] = group.ShareOf(documents, run);
  first_ = static_cast<size_t>(first);
  documents_ = static_cast<size_t>(end - first);
  for (int64_t d = first; documents > 0 && d <= end; ++d) offsets_.push_back(whole.offsets[d] - whole.offsets[first]);
  hlm_batch_init(&view_);
  if (documents_ == 0) return;
  const int64_t begin = whole.offsets[first];
  view_.ids = whole.ids + begin;
  view_.labels = whole.labels + begin;
  view_.n_ids = view_.n_labels = static_cast<size_t>(offsets_.back());
  view_.offsets = offsets_.data();
  view_.n_offsets = offsets_.size();
}

Json ReferencedTask::Identity() const {
  Json identity = data_.Identity();
  if (!key_.empty()) identity["reference"] = key_;
  return identity;
}

void ReferencedTask::PrepareReference(Trainer& trainer, Progress& progress) {
  key_ = ReferenceKey(options_, HashWeights(trainer, model_));
  reference_.Prepare(trainer, data_.train(), data_.tools(), key_, rows(), group_, progress);
  if (has_evaluation()) eval_reference_.Prepare(trainer, *data_.evaluation(), data_.tools(), key_, rows(), group_, progress);
}

hlm_step_metrics ReferencedTask::Apply(Trainer& trainer, int64_t step, Json& more) const {
  const hlm_step_metrics metrics = trainer.Apply();
  data_.Tell(step, more);
  return metrics;
}

}  // namespace horizon
