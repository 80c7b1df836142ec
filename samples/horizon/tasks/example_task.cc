#include "samples/horizon/tasks/example_task.h"

namespace horizon {

Json ReferencedTask::Identity() const {
  Json identity = data_.Identity();
  if (!key_.empty()) identity["reference"] = key_;
  return identity;
}

void ReferencedTask::PrepareReference(Trainer& trainer, Progress& progress) {
  key_ = ReferenceKey(options_, HashWeights(trainer, model_));
  reference_.Prepare(trainer, data_.train(), data_.tools(), key_, rows(), progress);
  if (has_evaluation()) eval_reference_.Prepare(trainer, *data_.evaluation(), data_.tools(), key_, rows(), progress);
}

hlm_step_metrics ReferencedTask::Apply(Trainer& trainer, int64_t step, Json& more) const {
  const hlm_step_metrics metrics = trainer.Apply();
  data_.Tell(step, more);
  return metrics;
}

}  // namespace horizon
