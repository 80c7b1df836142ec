// What held-out losses say of a run: which state was the best so far, and whether it is worth going on.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_HELD_OUT_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_HELD_OUT_H_

#include <cmath>
#include <cstdint>
#include <string>

#include "samples/horizon/base/json.h"
#include "samples/horizon/base/text.h"

namespace horizon {

class HeldOut {
 public:
  explicit HeldOut(int64_t early_stop) : early_stop_(early_stop) {}

  // After an evaluation: whether its loss is the lowest so far. One that is not finite is not.
  bool Evaluated(int64_t step, double loss) {
    const bool best = std::isfinite(loss) && (best_step_ == 0 || loss < best_loss_);
    if (best) {
      best_step_ = step;
      best_loss_ = loss;
    }
    worse_ = best ? 0 : worse_ + 1;
    return best;
  }

  bool stops() const { return early_stop_ > 0 && worse_ >= early_stop_; }
  int64_t best_step() const { return best_step_; }  // 0: there is none
  double best_loss() const { return best_loss_; }

  std::string WhyItStops() const {
    return (worse_ == 1 ? "an evaluation" : FormatCount(worse_) + " evaluations in a row") + " without a held-out loss below " +
           Format("%.4f", best_loss_) + ", that of step " + FormatCount(best_step_);
  }

  // For a checkpoint, and back.
  Json Saved() const { return {{"step", best_step_}, {"loss", best_loss_}, {"worse", worse_}}; }
  void Take(const Json& saved) {
    if (!saved.is_object()) return;
    best_step_ = saved.value("step", int64_t{0});
    best_loss_ = saved.value("loss", 0.0);
    worse_ = saved.value("worse", int64_t{0});
  }

 private:
  int64_t early_stop_;
  int64_t best_step_ = 0;
  double best_loss_ = 0;
  int64_t worse_ = 0;  // evaluations since
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_HELD_OUT_H_
