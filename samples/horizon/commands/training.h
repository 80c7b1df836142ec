// A training run, from opened files to the saved model.
#ifndef HORIZON_LM_SAMPLES_HORIZON_COMMANDS_TRAINING_H_
#define HORIZON_LM_SAMPLES_HORIZON_COMMANDS_TRAINING_H_

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "samples/horizon/commands/training_inputs.h"
#include "samples/horizon/run/checkpoints.h"
#include "samples/horizon/run/course.h"
#include "samples/horizon/run/end_requests.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/held_out.h"
#include "samples/horizon/run/progress.h"
#include "samples/horizon/run/run_log.h"
#include "samples/horizon/run/run_trace.h"
#include "samples/horizon/run/samples.h"

namespace horizon {

class Training {
 public:
  // Opens all but the trainer.
  Training(const Options& options, const Group& group, Interrupt& interrupt);
  int Run();

 private:
  // Up to the first step.
  void Begin();
  void CheckAlike() const;
  void OpenLogs();

  // False: a signal ended it.
  bool TakeSteps();
  void StepOrSave();
  void Step();
  bool TellsExperts(int64_t step) const;
  bool Evaluate();
  bool Sample();
  void WarnOfFallbacks();

  // Behind the last step.
  Outcome OutcomeOf(bool cancelled) const;
  std::string WhyItEnded(Outcome outcome) const;
  std::string LastGoodCheckpoint() const;
  std::exception_ptr SaveAll(Outcome outcome);  // what failed first
  void SaveModel();
  // The weights for --out: with --keep-best those of the best state. The step whose they are.
  int64_t TakeBest();
  RunEnd End(Outcome outcome);
  [[noreturn]] void ThrowDiverged(const std::string& why) const;
  int ExitInterrupted(const std::string& why) const;

  int64_t Saves() const;  // checkpoints that the run will make
  Json Position();        // where the run and its data are, for a checkpoint
  Json Metrics() { return Json::parse(trainer_.Metrics()); }

  const Options& options_;
  const Group& group_;
  EndRequests end_requests_;
  Checkpoints checkpoints_;
  TrainingInputs inputs_;
  Course course_;
  Progress progress_;
  HeldOut held_out_;
  std::unique_ptr<Samples> samples_;  // null without --sample-prompts
  RunLogs logs_;
  RunTrace trace_;
  Trainer trainer_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_COMMANDS_TRAINING_H_
