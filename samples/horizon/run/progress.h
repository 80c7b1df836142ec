// What a person watching a run sees: one line that is rewritten on a terminal, a line now and then elsewhere.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_PROGRESS_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace horizon {

struct ProgressStep {
  int64_t step = 0;
  double loss = 0;
  int64_t tokens = 0;        // predicted
  double seconds = 0;        // what the step took, and
  double limit_seconds = 0;  // what none of its kind can be shorter than; 0: not known
  bool skipped = false;
};

class Progress {
 public:
  // `out` is NULL for no progress at all. `who`: whose warnings they are, where that must be said.
  Progress(std::FILE* out, int64_t steps, std::string who = "");
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // After each step.
  void Step(const ProgressStep& done);

  // A line that stays, above the progress line.
  void Say(const std::string& line);

  // A line on standard error, whatever else is shown.
  void Warn(const std::string& message);

  // Takes the progress line off a terminal.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::FILE* out_;
  std::string who_;
  bool terminal_;
  int64_t steps_;
  bool shown_ = false;  // a line that has not ended is on the terminal
  Clock::time_point last_shown_;
  int64_t seen_ = 0;  // steps of this run
  // Of a step: the mean of the first few, then newer ones count more.
  double smooth_seconds_ = 0, smooth_limit_ = 0, smooth_tokens_ = 0;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_PROGRESS_H_
