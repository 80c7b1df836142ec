// horizon train
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "samples/horizon/base/output.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/data/account.h"
#include "samples/horizon/report/report.h"
#include "samples/horizon/run/checkpoints.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/interrupt.h"
#include "samples/horizon/run/progress.h"
#include "samples/horizon/run/run_log.h"
#include "samples/horizon/run/saving.h"
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

// The first of the folders that have to be made for this one; itself where it is there.
std::string Begun(const std::string& folder) {
  namespace fs = std::filesystem;
  fs::path path = fs::path(folder).lexically_normal();
  std::error_code failure;
  while (!fs::exists(path, failure) && path.has_parent_path() && !fs::exists(path.parent_path(), failure))
    path = path.parent_path();
  return path.string();
}

// Whether nobody reads standard output any more.
bool ReaderIsGone() {
  pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

int64_t StepsOf(const RunOptions& run, int64_t batches_per_epoch) {
  if (run.steps > 0) return run.steps;
  int64_t steps = 0;
  if (__builtin_mul_overflow(run.epochs, batches_per_epoch, &steps)) {
    throw UsageError("--epochs " + std::to_string(run.epochs) + " of " + std::to_string(batches_per_epoch) + " steps overflow");
  }
  return steps;
}

// The model, where what the run leaves of it can be written.
Model OpenChecked(const Options& options) {
  Model model = OpenModel(options.model);
  CheckOut(model, options.run, options.engine.compute == HLM_DTYPE_F32);
  return model;
}

// How often a table of the experts' tokens is written: some tens of times in a run, for it waits for the step's updates.
constexpr int64_t kTables = 32, kLeastStepsOfATable = 8;

// What there is to say of a mixture's routers.
void AddRouters(const hlm_step_metrics& metrics, Json& line) {
  const auto add = [&](const char* name, double value) {
    if (value >= 0) line[name] = value;
  };
  add("aux_loss", metrics.aux_loss);
  add("router_z_loss", metrics.router_z_loss);
  add("expert_imbalance", metrics.expert_imbalance);
  add("unrouted_experts", metrics.unrouted_experts);
}

// One run, from opened files to the saved model.
class Training {
 public:
  Training(const Options& options, Interrupt& interrupt);
  int Run();

 private:
  Plan OpenPlan();
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
  Json Metrics() const { return Json::parse(TextOf(hlm_trainer_metrics, trainer_.get())); }
  std::string TracePath() const;
  void StartTrace(int64_t step);
  void WriteTrace(int64_t last);
  void Save(int64_t done);
  void WarnOfFallbacks();
  void SayWhatWasDone(int64_t done);

  const Options& options_;
  Interrupt& interrupt_;
  Checkpoints checkpoints_;
  Model model_;
  Json description_, plan_;
  std::unique_ptr<Task> task_;
  Json data_;
  int64_t steps_;
  int64_t begun_ = 0;      // steps that an earlier run has done
  int64_t evaluated_ = 0;  // the last step after which held-out rows were looked at
  Progress progress_;
  RunLogs logs_;
  Trainer trainer_;
  int64_t trace_end_ = 0;        // the last step that the running trace records; 0: none runs
  RunEnd traced_;                // what there is to say of the trace at the run's end
  int64_t skipped_ = 0;          // the last steps, in a row, whose loss or gradient was not finite
  bool bad_evaluation_ = false;  // the last one's loss was not finite
  double first_loss_ = 0, last_loss_ = 0, seconds_ = 0;
  int64_t tokens_ = 0;
};

Training::Training(const Options& options, Interrupt& interrupt)
    : options_(options),
      interrupt_(interrupt),
      checkpoints_(options.run),
      model_(OpenChecked(options)),
      description_(DescribeModel(model_)),
      task_(MakeTask(options, description_)),
      data_(task_->Description()),
      steps_(StepsOf(options.run, task_->steps_per_epoch())),
      progress_(ProgressStream(options.json), steps_) {
  model_ = WithText();
  const Plan plan = OpenPlan();
  const bool f32 = options.engine.compute == HLM_DTYPE_F32;
  if (checkpoints_.on()) {
    const int64_t out_bytes = BytesOfOut(model_, options.run, f32);
    CheckCheckpointDir(options.run, PlanValue(plan, "saving.state_bytes"), Saves(), out_bytes);
  }
  trainer_ = MakeTrainer(model_, plan, options.optimizer, steps_, task_->has_token_metrics());
}

Model Training::WithText() {
  const TextOptions& text = options_.text;
  const Stops stops = StopsOf(description_, data_);
  std::string ids;
  if (!stops.ids.empty() && !options_.run.keep_eos) ids = Json(stops.ids).dump();
  if (data_.contains("turns")) {
    const Json& turns = data_["turns"];
    const std::string none = WithoutStop(turns.at("turns"), turns.at("without_stop"));
    if (!none.empty()) progress_.Warn(none);
  }
  if (!stops.text.empty() && !ids.empty()) {
    progress_.Say(stops.text + ": what is saved has it among its eos_token_id (--keep-eos leaves them as they are)");
  } else if (!stops.text.empty()) {
    progress_.Warn(stops.text);
  }
  hlm_text_options with;
  hlm_text_options_init(&with);
  if (!text.tokenizer.empty()) with.tokenizer = text.tokenizer.c_str();
  if (text.chat_template != "auto") with.chat_template = text.chat_template.c_str();
  if (!ids.empty()) with.stop_ids_json = ids.c_str();
  hlm_model* model = nullptr;
  Check(hlm_model_with_text(model_.get(), &with, &model));
  return Model(model);
}

Plan Training::OpenPlan() {
  Plan plan = MakePlan(model_, options_, HLM_PURPOSE_TRAIN, task_->rows(), task_->row_tokens(), checkpoints_.numerics());
  progress_.Say(FormatCount(description_.at("parameters").get<int64_t>()) + " parameters; " + task_->Summary() + "; " +
                FormatCount(steps_) + " steps; host memory " + FormatBytes(PlanValue(plan, "host_bytes")) + ", device memory " +
                FormatBytes(PlanValue(plan, "device_bytes")));
  for (const std::string& line : AccountLines(data_)) progress_.Say(line);
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
               .account = data_.value("account", Json::array()),
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

int64_t Training::Saves() const {
  const int64_t every = options_.run.save_every;
  return every == 0 ? 1 : (steps_ + every - 1) / every;
}

// A run that ends with steps that changed nothing is no good one, be it too short for their limit.
bool Training::HasDiverged(int64_t done) const {
  const int64_t most = options_.run.max_skipped_steps;
  if (most == 0) return false;
  return skipped_ >= most || (skipped_ > 0 && 2 * skipped_ >= done - begun_) || (bad_evaluation_ && evaluated_ == done);
}

std::string Training::WhyItEnded(Outcome outcome, int64_t done) const {
  const std::string at = " after step " + std::to_string(done) + " of " + std::to_string(steps_);
  if (outcome == Outcome::kInterrupted) return "interrupted" + at;
  if (skipped_ == 0) return "diverged" + at + ": the held-out loss is not finite";
  return "diverged" + at + ": in the last " + (skipped_ == 1 ? "one" : std::to_string(skipped_)) +
         " the loss or its gradient was not finite, and no weight changed";
}

// The state after a step is a good one where the next step's loss was finite.
std::string Training::LastGoodCheckpoint(int64_t done) const {
  if (!checkpoints_.on()) return "";
  const int64_t last_good = done - skipped_ - 1;
  const std::string& folder = options_.run.checkpoint_dir;
  const Json list = Json::parse(TextOf(hlm_checkpoint_list, folder.c_str()));
  for (const Json& one : list.at("checkpoints")) {  // the newest first
    if (one.at("step").get<int64_t>() <= last_good) return "the last good checkpoint is " + one.at("path").get<std::string>();
  }
  return "no checkpoint in " + folder + " is known to be good";
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
  const int64_t most = options_.run.max_skipped_steps;
  while (done < steps_ && !cancelled && !interrupt_.requested() && (most == 0 || skipped_ < most)) {
    StartTrace(done + 1);
    StepOrSave(done + 1);
    ++done;
    if (done == begun_ + 1) WarnOfFallbacks();
    if (done == trace_end_) WriteTrace(done);
    if (EvaluationIsDue(done)) cancelled = !EvaluateAfter(done);
    // Last, so that the log of a run that goes on from here has this step's evaluation.
    // While steps are skipped the state is no better than the one that was saved, if it is good at all.
    if (!cancelled && skipped_ == 0) checkpoints_.AfterStep(trainer_.get(), Position(), done, progress_);
  }
  if (trace_end_ > 0) WriteTrace(done);
  Check(hlm_trainer_finish(trainer_.get()));
  SayWhatWasDone(done);
  const Outcome outcome = HasDiverged(done)              ? Outcome::kDiverged
                          : done >= steps_ && !cancelled ? Outcome::kFinished
                                                         : Outcome::kInterrupted;
  // What cannot be written is told at the end: a full disk of the checkpoints is no reason not to write the model, nor is either one not to
  // write the logs.
  std::exception_ptr not_saved;
  const auto keep = [&](const std::function<void()>& save) {
    try {
      save();
    } catch (const Error&) {
      if (!not_saved) not_saved = std::current_exception();
    }
  };
  if (outcome == Outcome::kDiverged) {
    keep([&] { Check(hlm_trainer_save_wait(trainer_.get(), -1, nullptr)); });
  } else {
    if (done > begun_) keep([&] { checkpoints_.SaveLast(trainer_.get(), Position(), done, progress_); });
    keep([&] { Save(done); });
  }
  RunEnd end = traced_;
  end.done = done;
  end.outcome = outcome;
  if (outcome != Outcome::kFinished) end.note = WhyItEnded(outcome, done);
  end.seconds = seconds_;
  end.tokens = tokens_;
  end.metrics = Metrics();
  logs_.End(end);
  if (!end.trace.empty() && options_.run.trace.empty()) std::remove(end.trace.c_str());
  progress_.Clear();
  if (outcome == Outcome::kDiverged) {
    std::string message = end.note;
    if (!options_.run.out.empty()) message += "; nothing was written to " + options_.run.out;
    const std::string good = LastGoodCheckpoint(done);
    if (!good.empty()) message += "; " + good;
    throw Error(message + " (a lower --lr, --warmup-steps or --grad-clip may help)");
  }
  if (not_saved) std::rethrow_exception(not_saved);
  logs_.Close();
  if (outcome == Outcome::kFinished) return kExitOk;
  std::string kept = options_.run.out.empty() ? "" : "its weights are in " + options_.run.out;
  if (checkpoints_.saved() == done)
    kept += (kept.empty() ? "" : ", ") + ("its state is in " + options_.run.checkpoint_dir) + " (--resume goes on from it)";
  if (kept.empty()) kept = "nothing was saved";
  std::fprintf(stderr, "error: %s; %s\n", end.note.c_str(), kept.c_str());
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
  AddRouters(metrics, line);
  if (metrics.expert_imbalance >= 0 && TellsExperts(step)) line["expert_tokens"] = Metrics()["experts"]["tokens"];
  line.update(more);
  logs_.Step(line, {.seconds = seconds, .tokens = task_->step_tokens()});
  // A step of which nothing is predicted has no loss, and says nothing of the model.
  if (metrics.tokens > 0) skipped_ = metrics.skipped != 0 ? skipped_ + 1 : 0;
  if (step == begun_ + 1) first_loss_ = metrics.loss;
  last_loss_ = metrics.loss;
  tokens_ += metrics.tokens;
  seconds_ += seconds;
}

bool Training::TellsExperts(int64_t step) const {
  const int64_t every = std::max((steps_ - begun_) / kTables, kLeastStepsOfATable);
  return step == begun_ + 1 || step == steps_ || (step - begun_) % every == 0;
}

bool Training::EvaluateAfter(int64_t step) {
  Json line = {{"step", step}};
  if (!Finishes([&] { line.update(task_->Evaluate(trainer_.get())); })) return false;
  evaluated_ = step;
  bad_evaluation_ = line.value("eval_tokens", int64_t{0}) > 0 && line.contains("eval_loss") && line["eval_loss"].is_number() &&
                    !std::isfinite(line["eval_loss"].get<double>());
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

void Training::Save(int64_t done) {
  if (options_.run.out.empty()) return;
  SaveModel(trainer_.get(), options_.run, done);
  progress_.Say("saved " + options_.run.out);
}

}  // namespace

int RunTrain(const Options& options) {
  CheckModelOptions(options);
  CheckTrainingOptions(options);
  // Everything that the run will write is tried before anything is read.
  CheckApartFromOut(options.run);
  if (!options.run.checkpoint_dir.empty()) Check(hlm_checkpoint_check(options.run.checkpoint_dir.c_str(), 0));
  if (!options.run.log_json.empty()) CheckOutputFile(options.run.log_json);
  if (!options.run.tensorboard.empty()) CheckFolder(Begun(options.run.tensorboard));
  if (!options.run.trace.empty()) CheckOutputFile(options.run.trace);
  if (!options.run.report.empty()) CheckOutputFile(options.run.report);
  Interrupt::TakeWriteErrors();
  Interrupt interrupt;  // before the library starts threads
  const int status = Training(options, interrupt).Run();
  // Progress that nobody reads is no failure; JSON lines would be. What is still to be written goes nowhere.
  if (!options.json && ReaderIsGone() && std::freopen("/dev/null", "w", stdout) == nullptr) return kExitError;
  return status;
}

}  // namespace horizon
