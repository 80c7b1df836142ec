#include "core/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/error.h"

namespace hlm {

const char* Name(Schedule schedule) {
  return schedule == Schedule::kConstant ? "constant" : schedule == Schedule::kLinear ? "linear" : "cosine";
}

void CheckSchedule(const ScheduleOptions& o) {
  if (!(o.lr >= 0) || !std::isfinite(o.lr)) throw InvalidArgument("lr is ", o.lr, "; it must be finite and not negative");
  if (o.warmup_steps < 0) throw InvalidArgument("warmup_steps is ", o.warmup_steps, "; it must not be negative");
  if (o.total_steps < 0) throw InvalidArgument("total_steps is ", o.total_steps, "; it must not be negative");
  if (!(o.min_lr_ratio >= 0 && o.min_lr_ratio <= 1)) {
    throw InvalidArgument("min_lr_ratio is ", o.min_lr_ratio, "; it must lie in [0, 1]");
  }
  if (o.schedule != Schedule::kConstant && o.total_steps < 1) {
    throw InvalidArgument("total_steps is ", o.total_steps, "; a linear or cosine schedule needs at least 1");
  }
}

double LearningRate(const ScheduleOptions& o, int64_t step) {
  if (step <= o.warmup_steps) return o.lr * static_cast<double>(step) / static_cast<double>(o.warmup_steps);
  if (o.schedule == Schedule::kConstant) return o.lr;
  const double span = static_cast<double>(std::max<int64_t>(o.total_steps - o.warmup_steps, 1));
  const double done = std::min(1.0, static_cast<double>(step - o.warmup_steps) / span);
  const double left = o.schedule == Schedule::kLinear ? 1.0 - done : 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  return o.lr * (o.min_lr_ratio + (1.0 - o.min_lr_ratio) * left);
}

}  // namespace hlm
