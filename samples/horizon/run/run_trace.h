// --trace: a trace of a few steps of a run, and what the trainer had counted before and after them.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_RUN_TRACE_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_RUN_TRACE_H_

#include <cstdint>
#include <string>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/options/options.h"
#include "samples/horizon/run/course.h"
#include "samples/horizon/run/run_log.h"

namespace horizon {

class RunTrace {
 public:
  // `on`: this rank writes one where the options want it. A report has a trace's figures, too.
  RunTrace(const RunOptions& run, bool on);
  ~RunTrace();  // removes the file where nobody but the report wanted it, also of a run that failed
  RunTrace(const RunTrace&) = delete;
  RunTrace& operator=(const RunTrace&) = delete;

  void BeforeStep(Trainer& trainer, const Course& course);
  void AfterStep(Trainer& trainer, const Course& course);
  void End(Trainer& trainer, const Course& course);  // of a run that ended within the steps

  const TracedSteps& steps() const { return traced_; }

 private:
  void Write(Trainer& trainer, int64_t last);

  const bool wanted_;
  std::string path_;        // "": none is written
  int64_t running_to_ = 0;  // the last step that the running trace records; 0: none runs
  TracedSteps traced_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_RUN_TRACE_H_
