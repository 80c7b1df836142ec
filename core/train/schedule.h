// The learning rate of a step.
#ifndef HORIZON_LM_CORE_TRAIN_SCHEDULE_H_
#define HORIZON_LM_CORE_TRAIN_SCHEDULE_H_

#include <cstdint>

namespace hlm {

enum class Schedule { kConstant = 0, kLinear = 1, kCosine = 2 };
const char* Name(Schedule schedule);  // "constant", "linear", "cosine"

struct ScheduleOptions {
  double lr = 1e-5;
  Schedule schedule = Schedule::kConstant;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  // kLinear, kCosine
  double min_lr_ratio = 0.0;
};

// INVALID_ARGUMENT naming the value and the limit.
void CheckSchedule(const ScheduleOptions& options);

// Step s from 1: lr s / W up to W = warmup_steps; then constant, or falling to min_lr_ratio lr at total_steps (and there for ever).
double LearningRate(const ScheduleOptions& options, int64_t step);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_SCHEDULE_H_
