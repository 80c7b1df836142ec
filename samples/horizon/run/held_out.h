// What held-out losses say of a run: which state was the best so far, and whether it is worth going on.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_HELD_OUT_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_HELD_OUT_H_

#include <cstdint>
#include <string>

#include "samples/horizon/base/json.h"
#include "samples/horizon/options/options.h"

namespace horizon {

class HeldOut {
 public:
  // `any`: there are held-out data.
  HeldOut(const RunOptions& run, bool any) : any_(any), every_(run.eval_every), early_stop_(run.early_stop) {}

  // Whether they are looked at after a step, the `last` one of the run or another.
  bool IsDue(int64_t step, bool last) const { return any_ && ((every_ > 0 && step % every_ == 0) || last); }
  // After an evaluation, of which this was told: whether its loss is the lowest so far. One that is not finite is not.
  bool Evaluated(int64_t step, const Json& line);

  int64_t evaluated() const { return evaluated_; }                           // the last step after which they were looked at
  bool HasNoLoss(int64_t step) const { return bad_ && evaluated_ == step; }  // it was not finite
  bool stops() const { return early_stop_ > 0 && worse_ >= early_stop_; }
  std::string WhyItStops() const;
  int64_t best_step() const { return best_step_; }  // 0: there is none
  double best_loss() const { return best_loss_; }

  // Into the position that a checkpoint has, and back.
  void Save(Json& position) const;
  void Take(const Json& position);

 private:
  const bool any_;
  const int64_t every_, early_stop_;
  int64_t evaluated_ = 0;
  bool bad_ = false;  // the last loss was not finite
  int64_t best_step_ = 0;
  double best_loss_ = 0;
  int64_t worse_ = 0;  // evaluations since
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_HELD_OUT_H_
