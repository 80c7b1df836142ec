// horizon train
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "samples/horizon/base/output.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/report/report.h"
#include "samples/horizon/run/checkpoints.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/interrupt.h"
#include "samples/horizon/run/progress.h"
#include "samples/horizon/run/run_log.h"
#include "samples/horizon/tasks/task.h"

namespace horizon {
namespace {

using Clock = std::chrono::steady_clock;

// A trace of a whole run would be too large to look at; it begins with the second step, because the first is not like the others.
constexpr int64_t kTracedSteps = 3;

// With --json standard output is the JSON lines; then progress is only for a person at a terminal.
std::FILE* ProgressStream(bool json) {
  if (!json) return stdout;
  return isatty(STDERR_FILENO) == 1 ? stderr : nullptr;
}

int64_t StepsOf(const RunOptions& run, int64_t batches_per_epoch) {
  if (run.steps > 0) return run.steps;
  int64_t steps = 0;
  if (__builtin_mul_overflow(run.epochs, batches_per_epoch, &steps)) {
    throw UsageError("--epochs " + std::to_string(run.epochs) + " of " + std::to_string(batches_per_epoch) + " steps overflow");
  }
  return steps;
}

// One run, from opened files to the saved model.
class Training {
 public:
  Training(const Options& options, Interrupt& interrupt);
  int Run();

 private:
  Plan OpenPlan();
  void Begin();
  // Whether this work with the trainer came to its end; false: a signal ended it.
  bool Finishes(const std::function<void()>& work);
  void Step(int64_t step);
  void StepOrSave(int64_t step);
  bool EvaluateAfter(int64_t step);  // false: a signal ended it
  Json Position();  // where the data are, for a checkpoint
  bool EvaluationIsDue(int64_t step) const;
  void OpenLogs();
  std::unique_ptr<Report> NewReport() const;
  Json Metrics() const { return Json::parse(TextOf(hlm_trainer_metrics, trainer_.get())); }
  std::string TracePath() const;
  void StartTrace(int64_t step);
  void WriteTrace(int64_t last);
  void Save();
  void WarnOfFallbacks();
  void SayWhatWasDone(int64_t done);

  const Options& options_;
  Interrupt& interrupt_;
  Checkpoints checkpoints_;
  Model model_;
  Json description_, plan_;
  std::unique_ptr<Task> task_;
  int64_t steps_;
  int64_t begun_ = 0;      // steps that an earlier run has done
  int64_t evaluated_ = 0;  // the last step after which held-out rows were looked at
  Progress progress_;
  RunLogs logs_;
  Trainer trainer_;
  int64_t trace_end_ = 0;  // the last step that the running trace records; 0: none runs
  RunEnd traced_;          // what there is to say of the trace at the run's end
  double first_loss_ = 0, last_loss_ = 0, seconds_ = 0;
  int64_t tokens_ = 0;
};

Training::Training(const Options& options, Interrupt& interrupt)
    : options_(options),
      interrupt_(interrupt),
      checkpoints_(options.run),
      model_(OpenModel(options.model)),
      description_(DescribeModel(model_)),
      task_(MakeTask(options, description_)),
      steps_(StepsOf(options.run, task_->steps_per_epoch())),
      progress_(ProgressStream(options.json), steps_) {
  const Plan plan = OpenPlan();
  trainer_ = MakeTrainer(model_, plan, options.optimizer, steps_, task_->has_token_metrics());
}

Plan Training::OpenPlan() {
  Plan plan = MakePlan(model_, options_, HLM_PURPOSE_TRAIN, task_->rows(), task_->row_tokens(), checkpoints_.numerics());
  progress_.Say(FormatCount(description_.at("parameters").get<int64_t>()) + " parameters; " + task_->Summary() + "; " +
                FormatCount(steps_) + " steps; host memory " + FormatBytes(PlanValue(plan, "host_bytes")) + ", device memory " +
                FormatBytes(PlanValue(plan, "device_bytes")));
  plan_ = DescribePlan(plan);
  if (plan_.contains("choice")) progress_.Say("plan: " + plan_["choice"].get<std::string>());
  return plan;
}

// Up to the first step: what the task must know of the weights that the run began with, then the state of an earlier run.
void Training::Begin() {
  task_->Prepare(trainer_.get(), progress_);
  begun_ = checkpoints_.Resume(trainer_.get(), task_->Identity(), progress_);
  if (begun_ > 0) task_->Seek(checkpoints_.data(), begun_);
  evaluated_ = checkpoints_.data().value("evaluated", int64_t{0});
  OpenLogs();
}

bool Training::Finishes(const std::function<void()>& work) {
  interrupt_.Watch(trainer_.get());
  try {
    work();
  } catch (const ApiError& error) {
    interrupt_.Watch(nullptr);
    if (error.code() != HLM_CANCELLED || !interrupt_.requested()) throw;
    return false;
  }
  interrupt_.Watch(nullptr);
  return true;
}

// Everybody who is told what the run does. A further one is added here.
void Training::OpenLogs() {
  const std::string& path = options_.run.log_json;
  if (!path.empty()) logs_.Add(std::make_unique<JsonRunLog>(begun_ > 0 ? JsonLog(path, begun_) : JsonLog(path)));
  if (options_.json) logs_.Add(std::make_unique<JsonRunLog>(JsonLog::ToStandardOutput()));
  if (!options_.run.tensorboard.empty()) logs_.Add(std::make_unique<TensorBoardRunLog>(options_.run.tensorboard));
  if (!options_.run.report.empty()) logs_.Add(NewReport());
  logs_.Add(std::make_unique<ProgressRunLog>(progress_));
  const Json device = Json::parse(TextOf(hlm_device_describe, options_.engine.device.c_str()));
  logs_.Begin({.model = description_,
               .plan = plan_,
               .rated = device.contains("rates"),
               .task = task_->name(),
               .steps = steps_,
               .begun = begun_});
}

std::unique_ptr<Report> Training::NewReport() const {
  auto report = std::make_unique<Report>(options_.run.report);
  const ModelOptions& model = options_.model;
  report->run().model = !model.folder.empty() ? model.folder : !model.config.empty() ? model.config : model.preset;
  report->run().command = options_.command_line;
  report->run().settings = options_.settings;
  report->run().version = hlm_version();
  if (begun_ > 0 && !options_.run.log_json.empty()) report->ReadLog(options_.run.log_json, begun_);
  return report;
}

Json Training::Position() {
  Json position = task_->Position();
  position["evaluated"] = evaluated_;
  return position;
}

bool Training::EvaluationIsDue(int64_t step) const {
  const int64_t every = options_.run.eval_every;
  return task_->has_evaluation() && ((every > 0 && step % every == 0) || step == steps_);
}

int Training::Run() {
  if (!Finishes([&] { Begin(); })) {
    progress_.Clear();
    std::fprintf(stderr, "error: interrupted before the first step; nothing was saved\n");
    return kExitSignal + interrupt_.signal();
  }
  int64_t done = begun_;
  bool cancelled = false;
  // A signal may have come between a step and its evaluation.
  if (begun_ > 0 && begun_ < steps_ && evaluated_ < begun_ && EvaluationIsDue(begun_)) cancelled = !EvaluateAfter(begun_);
  while (done < steps_ && !cancelled && !interrupt_.requested()) {
    StartTrace(done + 1);
    StepOrSave(done + 1);
    ++done;
    if (done == begun_ + 1) WarnOfFallbacks();
    if (done == trace_end_) WriteTrace(done);
    if (EvaluationIsDue(done)) cancelled = !EvaluateAfter(done);
    // Last, so that the log of a run that goes on from here has this step's evaluation.
    if (!cancelled) checkpoints_.AfterStep(trainer_.get(), Position(), done, progress_);
  }
  if (trace_end_ > 0) WriteTrace(done);
  Check(hlm_trainer_finish(trainer_.get()));
  SayWhatWasDone(done);
  // A full disk of the checkpoints is no reason not to write the model.
  std::exception_ptr not_saved;
  try {
    if (done > begun_) checkpoints_.SaveLast(trainer_.get(), Position(), done, progress_);
  } catch (const Error&) {
    not_saved = std::current_exception();
  }
  Save();
  const bool complete = done >= steps_ && !cancelled;
  RunEnd end = traced_;
  end.done = done;
  end.complete = complete;
  end.seconds = seconds_;
  end.tokens = tokens_;
  end.metrics = Metrics();
  logs_.End(end);
  if (!end.trace.empty() && options_.run.trace.empty()) std::remove(end.trace.c_str());
  if (not_saved) std::rethrow_exception(not_saved);
  logs_.Close();
  if (complete) return kExitOk;
  progress_.Clear();
  std::string kept = options_.run.out.empty() ? "" : "its weights are in " + options_.run.out;
  if (checkpoints_.saved() == done)
    kept += (kept.empty() ? "" : ", ") + ("its state is in " + options_.run.checkpoint_dir) + " (--resume goes on from it)";
  if (kept.empty()) kept = "nothing was saved";
  std::fprintf(stderr, "error: interrupted after step %lld of %lld; %s\n", static_cast<long long>(done),
               static_cast<long long>(steps_), kept.c_str());
  return kExitSignal + interrupt_.signal();
}

// A device that fails takes no step with it that was finished.
void Training::StepOrSave(int64_t step) {
  try {
    Step(step);
  } catch (const ApiError& error) {
    const int64_t done = step - 1;
    if (!checkpoints_.on() || done == begun_) throw;
    try {
      checkpoints_.SaveLast(trainer_.get(), Position(), done, progress_);
    } catch (const Error&) {
      throw error;
    }
    throw ApiError(error.code(), std::string(error.what()) + "; the state after step " + std::to_string(done) + " is in " +
                                     options_.run.checkpoint_dir + " (--resume goes on from it)");
  }
}

void Training::Step(int64_t step) {
  const Clock::time_point begin = Clock::now();
  Json more = Json::object();
  const hlm_step_metrics metrics = task_->Step(trainer_.get(), step, more);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  Json line = {{"step", step},
               {"loss", metrics.loss},
               {"grad_norm", metrics.grad_norm},
               {"lr", metrics.lr},
               {"tokens", metrics.tokens},
               {"tokens_per_second", static_cast<double>(metrics.tokens) / seconds},
               {"skipped", metrics.skipped != 0}};
  if (task_->has_token_metrics()) {
    line["mean_token_accuracy"] = metrics.mean_token_accuracy;
    line["entropy"] = metrics.entropy;
  }
  line.update(more);
  logs_.Step(line, {.seconds = seconds, .tokens = task_->step_tokens()});
  if (step == begun_ + 1) first_loss_ = metrics.loss;
  last_loss_ = metrics.loss;
  tokens_ += metrics.tokens;
  seconds_ += seconds;
}

bool Training::EvaluateAfter(int64_t step) {
  Json line = {{"step", step}};
  if (!Finishes([&] { line.update(task_->Evaluate(trainer_.get())); })) return false;
  evaluated_ = step;
  logs_.Evaluation(line);
  return true;
}

void Training::StartTrace(int64_t step) {
  if (TracePath().empty() || step != std::min(begun_ + 2, steps_)) return;
  traced_.before_trace = Metrics();
  traced_.trace_first = step;
  Check(hlm_trainer_trace_start(trainer_.get()));
  trace_end_ = std::min(step + kTracedSteps - 1, steps_);
}

void Training::WriteTrace(int64_t last) {
  Check(hlm_trainer_finish(trainer_.get()));  // the last step's updates belong to the picture
  traced_.trace = TracePath();
  traced_.trace_last = last;
  traced_.after_trace = Metrics();
  Check(hlm_trainer_trace_write(trainer_.get(), traced_.trace.c_str()));
  trace_end_ = 0;
}

// A report has a trace's figures; where nobody wants the trace itself it goes away again.
std::string Training::TracePath() const {
  if (!options_.run.trace.empty() || options_.run.report.empty()) return options_.run.trace;
  return options_.run.report + ".trace.tmp";
}

// After the first step: those of its shape will go the same way.
void Training::WarnOfFallbacks() {
  const Json metrics = Metrics();
  if (metrics.at("attention_fallbacks") == 0) return;
  progress_.Warn("attention goes the slower way: " + metrics.at("attention_fallback_reason").get<std::string>());
}

void Training::SayWhatWasDone(int64_t done) {
  if (done == begun_) return;
  progress_.Say("trained " + FormatCount(done - begun_) + " steps on " + FormatCount(tokens_) + " tokens in " +
                FormatSeconds(seconds_) + " (" + FormatRate(static_cast<double>(tokens_) / seconds_) + " tokens/s)" +
                Format("; loss %.4f at the first step, %.4f at the last", first_loss_, last_loss_));
}

void Training::Save() {
  if (options_.run.out.empty()) return;
  hlm_save_options save;
  hlm_save_options_init(&save);
  save.dtype = options_.run.save_dtype;
  save.overwrite = options_.run.overwrite ? 1 : 0;
  Check(hlm_trainer_save_model(trainer_.get(), options_.run.out.c_str(), &save));
  progress_.Say("saved " + options_.run.out);
}

}  // namespace

int RunTrain(const Options& options) {
  CheckModelOptions(options);
  CheckTrainingOptions(options);
  // Everything that the run will write is tried before anything is read.
  if (!options.run.out.empty()) CheckOutputFolder(options.run.out, options.run.overwrite);
  if (!options.run.checkpoint_dir.empty()) CheckFolder(options.run.checkpoint_dir);
  if (!options.run.trace.empty()) CheckOutputFile(options.run.trace);
  if (!options.run.report.empty()) CheckOutputFile(options.run.report);
  Interrupt interrupt;  // before the library starts threads
  return Training(options, interrupt).Run();
}

}  // namespace horizon
