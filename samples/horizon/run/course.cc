#include "samples/horizon/run/course.h"

#include "samples/horizon/base/text.h"

namespace horizon {

void Course::Add(const hlm_step_metrics& metrics, double seconds) {
  // A step of which nothing is predicted has no loss, and says nothing of the model.
  if (metrics.tokens > 0) skipped_ = metrics.skipped != 0 ? skipped_ + 1 : 0;
  last_loss_ = NoSignOfNan(metrics.loss);
  if (!any()) first_loss_ = last_loss_;
  tokens_ += metrics.tokens;
  seconds_ += seconds;
  ++done_;
}

bool Course::HasDiverged() const { return hopeless() || (most_skipped_ > 0 && skipped_ > 0 && 2 * skipped_ >= done_ - begun_); }

std::string Course::Where() const { return "after step " + std::to_string(done_) + " of " + std::to_string(steps_); }

std::string Course::WhySkipped() const {
  return "in the last " + (skipped_ == 1 ? "one" : std::to_string(skipped_)) +
         " the loss or its gradient was not finite, and no weight changed";
}

std::string Course::Summary() const {
  return "trained " + FormatCount(done_ - begun_, "step") + " on " + FormatCount(tokens_, "token") + " in " +
         FormatSeconds(seconds_) + " (" + FormatRate(static_cast<double>(tokens_) / seconds_) + " tokens/s)" +
         Format("; loss %.4f at the first step, %.4f at the last", first_loss_, last_loss_);
}

void Course::Tell(RunEnd& end) const {
  end.done = done_;
  end.seconds = seconds_;
  end.tokens = tokens_;
}

}  // namespace horizon
