#include "samples/horizon/tasks/example_task.h"

namespace horizon {

Json ReferencedTask::Identity() const {
  Json identity = data_.Identity();
  if (!key_.empty()) identity["reference"] = key_;
  return identity;
}

void ReferencedTask::PrepareReference(hlm_trainer* trainer, Progress& progress) {
  key_ = ReferenceKey(options_, HashWeights(trainer, model_));
  reference_.Prepare(trainer, data_.train(), data_.tools(), key_, rows(), progress);
  if (has_evaluation()) eval_reference_.Prepare(trainer, *data_.evaluation(), data_.tools(), key_, rows(), progress);
}

hlm_step_metrics ReferencedTask::Apply(hlm_trainer* trainer, int64_t step, Json& more) const {
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  Check(hlm_trainer_apply(trainer, &metrics));
  data_.Tell(step, more);
  return metrics;
}

}  // namespace horizon
