// What a run tells of itself, and to whom: the JSON lines, TensorBoard's event files and the progress line each hear the same.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_RUN_LOG_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_RUN_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "samples/horizon/base/json.h"
#include "samples/horizon/base/output.h"
#include "samples/horizon/run/progress.h"
#include "samples/horizon/run/tensorboard.h"

namespace horizon {

// A run before its first step.
struct RunStart {
  Json model;                    // hlm_model_describe
  Json plan;                     // hlm_plan_json
  bool rated = false;            // its prediction is by rates measured on this machine
  std::string task;              // "pretrain", "sft", ...; "rows" for token files
  Json account = Json::array();  // hlm_dataset_describe's
  int64_t steps = 0;             // of the whole run
  int64_t begun = 0;             // steps that an earlier run has done
};

enum class Outcome { kFinished, kInterrupted, kDiverged, kFailed };
const char* Name(Outcome outcome);  // "finished" and so on

// Steps of which there is a trace.
struct TracedSteps {
  std::string file;  // "": none was written
  int64_t first = 0, last = 0;
  Json before, after;  // hlm_trainer_metrics then
};

struct RunEnd {
  int64_t done = 0;  // the last step
  Outcome outcome = Outcome::kFinished;
  std::string note;    // why it was not finished, for people
  double seconds = 0;  // of this run's steps
  int64_t tokens = 0;  // predicted in them
  Json metrics;        // hlm_trainer_metrics
  TracedSteps traced;  // the file may not outlive the call
};

// What a step took, beside what its line says.
struct StepWork {
  double seconds = 0;
  int64_t tokens = 0;  // of its rows, predicted or not
};

// One that listens. Lines are those of --log-json: a step's has "step", "loss", "grad_norm", "lr", "tokens", "tokens_per_second",
// "skipped" and what its task adds; an evaluation's "step" and keys that begin with "eval_".
class RunLog {
 public:
  virtual ~RunLog() = default;
  virtual void Begin(const RunStart&) {}
  virtual void Step(const Json& /*line*/, const StepWork& /*work*/) {}
  virtual void Evaluation(const Json& /*line*/) {}
  virtual void Samples(const Json& /*line*/) {}  // "step", and "samples" of {"prompt", "text"}
  virtual void End(const RunEnd&) {}
  // Last of all. A failed write does not stop a run: what failed first is thrown here.
  virtual void Close() {}
};

// All of a run's, in the order in which they were added.
class RunLogs : public RunLog {
 public:
  void Add(std::unique_ptr<RunLog> log) { logs_.push_back(std::move(log)); }

  void Begin(const RunStart& start) override;
  void Step(const Json& line, const StepWork& work) override;
  void Evaluation(const Json& line) override;
  void Samples(const Json& line) override;
  void End(const RunEnd& end) override;
  void Close() override;

 private:
  std::vector<std::unique_ptr<RunLog>> logs_;
};

// Every line as it is; before them what became of the records, where there is something to tell, and behind them that a run diverged.
class JsonRunLog : public RunLog {
 public:
  explicit JsonRunLog(JsonLog log) : log_(std::move(log)) {}
  void Begin(const RunStart& start) override;
  void Step(const Json& line, const StepWork&) override { log_.Write(line); }
  void Evaluation(const Json& line) override { log_.Write(line); }
  void Samples(const Json& line) override { log_.Write(line); }
  void End(const RunEnd& end) override;
  void Close() override { log_.Close(); }

 private:
  JsonLog log_;
};

// The line on the terminal, which belongs to the run and outlives this.
class ProgressRunLog : public RunLog {
 public:
  explicit ProgressRunLog(Progress& progress) : progress_(progress) {}
  void Begin(const RunStart& start) override;
  void Step(const Json& line, const StepWork& work) override;
  void Evaluation(const Json& line) override;
  void Samples(const Json& line) override;

 private:
  Progress& progress_;
  // At the machine's rates: all arithmetic as one product, and a step's bytes over the link and through the host's memory.
  double flops_seconds_per_token_ = 0, moves_seconds_ = 0;
};

// Numbers under the tags that Hugging Face's trainers use: train/loss, train/learning_rate, eval/loss, train/rewards/chosen, ...
class TensorBoardRunLog : public RunLog {
 public:
  explicit TensorBoardRunLog(const std::string& folder) : writer_(folder) {}
  void Step(const Json& line, const StepWork& work) override;
  void Evaluation(const Json& line) override;
  void Samples(const Json& line) override;
  void Close() override;

 private:
  void Write(const Json& line);

  EventWriter writer_;
  std::string failure_;
};

// The tag of a line's key: "lr" is train/learning_rate, "eval_loss" eval/loss.
std::string TensorBoardTag(const std::string& key);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_RUN_LOG_H_
