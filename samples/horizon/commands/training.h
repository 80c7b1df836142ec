// A training run, from opened files to the saved model.
#ifndef HORIZON_LM_SAMPLES_HORIZON_COMMANDS_TRAINING_H_
#define HORIZON_LM_SAMPLES_HORIZON_COMMANDS_TRAINING_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "samples/horizon/report/report.h"
#include "samples/horizon/run/checkpoints.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/held_out.h"
#include "samples/horizon/run/interrupt.h"
#include "samples/horizon/run/progress.h"
#include "samples/horizon/run/run_log.h"
#include "samples/horizon/run/samples.h"
#include "samples/horizon/tasks/task.h"

namespace horizon {

// One run, from opened files to the saved model.
class Training {
 public:
  // Opens all but the trainer.
  Training(const Options& options, const Group& group, Interrupt& interrupt);
  int Run();

 private:
  Plan OpenPlan();
  bool AskedToEnd();  // whether any rank was
  // The model with the tokenizer, the template and the ends of turns that it is trained with, as it will be saved.
  Model WithText();
  void Begin();
  // Whether this work with the trainer came to its end; false: a signal ended it.
  bool Finishes(const std::function<void()>& work);
  void Step(int64_t step);
  void StepOrSave(int64_t step);
  bool TellsExperts(int64_t step) const;
  bool EvaluateAfter(int64_t step);  // false: a signal ended it
  int64_t Saves() const;             // checkpoints that the run will make
  bool HasDiverged(int64_t done) const;
  std::string WhyItEnded(Outcome outcome, int64_t done) const;
  std::string LastGoodCheckpoint(int64_t done) const;
  Json Position();  // where the data are, for a checkpoint
  bool EvaluationIsDue(int64_t step) const;
  void OpenLogs();
  std::unique_ptr<Report> NewReport() const;
  Json Metrics() { return Json::parse(trainer_.Metrics()); }
  std::string TracePath() const;
  void StartTrace(int64_t step);
  void WriteTrace(int64_t last);
  void Save(int64_t done);
  void WarnOfFallbacks();
  void SayWhatWasDone(int64_t done);
  void Sample(int64_t step);
  // The weights for --out: with --keep-best those of the best state. The step whose they are.
  int64_t TakeBest(int64_t done);

  const Options& options_;
  const Group& group_;
  Interrupt& interrupt_;
  int64_t signal_ = 0;  // that a rank has got; 0: none
  Checkpoints checkpoints_;
  Model model_;
  Json description_, plan_;
  std::unique_ptr<Task> task_;
  Json data_;
  int64_t steps_;
  int64_t begun_ = 0;      // steps that an earlier run has done
  int64_t evaluated_ = 0;  // the last step after which held-out rows were looked at
  Progress progress_;
  HeldOut held_out_;
  std::unique_ptr<Samples> samples_;  // null without --sample-prompts
  RunLogs logs_;
  Plan opened_plan_;
  Trainer trainer_;
  int64_t trace_end_ = 0;        // the last step that the running trace records; 0: none runs
  RunEnd traced_;                // what there is to say of the trace at the run's end
  int64_t skipped_ = 0;          // the last steps, in a row, whose loss or gradient was not finite
  bool bad_evaluation_ = false;  // the last one's loss was not finite
  double first_loss_ = 0, last_loss_ = 0, seconds_ = 0;
  int64_t tokens_ = 0;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_COMMANDS_TRAINING_H_
