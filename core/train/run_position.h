// RunPosition: how far a run is, and the rate and the number of its next update. A checkpoint holds it.
#ifndef HORIZON_LM_CORE_TRAIN_RUN_POSITION_H_
#define HORIZON_LM_CORE_TRAIN_RUN_POSITION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/spec.h"
#include "core/plan/plan.h"
#include "core/save/manifest.h"
#include "core/save/writer.h"
#include "core/train/schedule.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

class RunPosition {
 public:
  RunPosition(const ModelSpec& spec, const Plan& plan, const ScheduleOptions& schedule);

  int64_t steps() const { return steps_; }
  int64_t updates() const { return updates_; }
  // [routers][experts] updates of each expert, where the unrouted are skipped.
  const std::vector<std::vector<int64_t>>& expert_updates() const { return expert_updates_; }

  void SetRate(double lr) { fixed_lr_ = lr; }  // negative: by the schedule
  double NextRate() const { return fixed_lr_ >= 0 ? fixed_lr_ : LearningRate(schedule_, steps_ + 1); }
  UpdateStep NextUpdate(double lr, double gradient_scale) const;

  // A step has ended, which chose so many tokens for each expert of each router; one that is `skipped` changed no weight.
  void Advance(bool skipped, const std::vector<std::vector<double>>& choices);

  // Into a checkpoint, and out of it.
  void Save(CheckpointInfo& info) const;
  void Resume(const Manifest& manifest);

  // "step 3 with 2 updates and lr 1e-05": what ranks must have in common.
  std::string Text() const;

 private:
  const ScheduleOptions schedule_;
  int64_t steps_ = 0;    // finished, skipped ones among them: the schedule's position
  int64_t updates_ = 0;  // that changed weights: AdamW's bias correction
  std::vector<std::vector<int64_t>> expert_updates_;
  double fixed_lr_ = -1;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_RUN_POSITION_H_
