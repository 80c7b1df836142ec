// How the steps of a run go: how many there are, what they came to, and whether the run is any good.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_COURSE_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_COURSE_H_

#include <cstdint>
#include <string>

#include "c_api/horizon_lm.h"
#include "samples/horizon/run/run_log.h"

namespace horizon {

class Course {
 public:
  // `most_skipped`: steps in a row whose loss or gradient is not finite, after which a run has diverged; 0: it never has.
  Course(int64_t steps, int64_t most_skipped) : steps_(steps), most_skipped_(most_skipped) {}

  void Begin(int64_t begun) { begun_ = done_ = begun; }  // steps that an earlier run has done
  void Add(const hlm_step_metrics& metrics, double seconds);

  int64_t steps() const { return steps_; }
  int64_t begun() const { return begun_; }
  int64_t done() const { return done_; }  // the last step
  bool whole() const { return done_ >= steps_; }
  bool any() const { return done_ > begun_; }  // a step of this run

  bool skipping() const { return skipped_ > 0; }  // the last step changed no weight
  bool hopeless() const { return most_skipped_ > 0 && skipped_ >= most_skipped_; }
  // A run that ends with steps that changed nothing is no good one, be it too short for their limit.
  bool HasDiverged() const;
  // The last step whose state is known to be good, for the step after it had a finite loss.
  int64_t last_good() const { return done_ - skipped_ - 1; }

  std::string Where() const;       // "after step 3 of 10"
  std::string WhySkipped() const;  // "in the last 2 the loss or its gradient was not finite, ..."
  std::string Summary() const;     // what was done, for people
  void Tell(RunEnd& end) const;

 private:
  int64_t steps_, most_skipped_;
  int64_t begun_ = 0, done_ = 0;
  int64_t skipped_ = 0;  // the last steps, in a row, whose loss or gradient was not finite
  double first_loss_ = 0, last_loss_ = 0, seconds_ = 0;
  int64_t tokens_ = 0;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_COURSE_H_
