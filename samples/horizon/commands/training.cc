// What a training run opens before its first step, and whom it tells.
#include "samples/horizon/commands/training.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "samples/horizon/base/text.h"
#include "samples/horizon/data/account.h"
#include "samples/horizon/run/saving.h"

namespace horizon {
namespace {

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

std::string OfProcesses(const Group& group) {
  return group.size() == 1 ? "" : FormatCount(group.size()) + " processes, each with ";
}

// The model, where what the run leaves of it can be written.
Model OpenChecked(const Options& options, const Group& group) {
  Model model = OpenModel(options.model);
  if (group.first()) CheckOut(model, options.run, options.engine.compute == HLM_DTYPE_F32);
  return model;
}

}  // namespace

Training::Training(const Options& options, const Group& group, Interrupt& interrupt)
    : options_(options),
      group_(group),
      interrupt_(interrupt),
      checkpoints_(options.run),
      model_(OpenChecked(options, group)),
      description_(DescribeModel(model_)),
      task_(MakeTask(options, description_, group)),
      data_(task_->Description()),
      steps_(StepsOf(options.run, task_->steps_per_epoch())),
      progress_(group.first() ? ProgressStream(options.json) : nullptr, steps_, group.first() ? "" : group.Who()),
      held_out_(options.run.early_stop) {
  model_ = WithText();
  opened_plan_ = OpenPlan();
  const bool f32 = options.engine.compute == HLM_DTYPE_F32;
  if (checkpoints_.on()) {
    const int64_t out_bytes = BytesOfOut(model_, options.run, f32);
    CheckCheckpointDir(options.run, PlanValue(opened_plan_, "saving.state_bytes"), Saves(), out_bytes);
  }
  if (!options.run.sample_prompts.empty())
    samples_ = std::make_unique<Samples>(options, DescribeModel(model_), task_->row_tokens());
}

Model Training::WithText() {
  const TextOptions& text = options_.text;
  const Stops stops = StopsOf(description_, data_);
  std::string ids;
  if (!stops.ids.empty() && !options_.run.keep_eos) ids = Json(stops.ids).dump();
  if (data_.contains("turns")) {
    const Json& turns = data_["turns"];
    const std::string none = WithoutStop(turns.at("turns"), turns.at("without_stop"));
    if (!none.empty() && group_.first()) progress_.Warn(none);
  }
  if (!stops.text.empty() && !ids.empty()) {
    progress_.Say(stops.text + ": what is saved has it among its eos_token_id (--keep-eos leaves them as they are)");
  } else if (!stops.text.empty() && group_.first()) {
    progress_.Warn(stops.text);
  }
  hlm::TextOptions with;
  if (!text.tokenizer.empty()) with.tokenizer = text.tokenizer.c_str();
  if (text.chat_template != "auto") with.chat_template = text.chat_template.c_str();
  if (!ids.empty()) with.stop_ids_json = ids.c_str();
  return model_.WithText(with);
}

bool Training::AskedToEnd() {
  signal_ = group_.Most(interrupt_.signal());
  return signal_ != 0;
}

Plan Training::OpenPlan() {
  Plan plan = MakePlan(model_, options_, HLM_PURPOSE_TRAIN, task_->rows(), task_->row_tokens(), checkpoints_.numerics());
  progress_.Say(FormatCount(description_.at("parameters").get<int64_t>()) + " parameters; " + task_->Summary() + "; " +
                FormatCount(steps_) + " steps; " + OfProcesses(group_) + "host memory " +
                FormatBytes(PlanValue(plan, "host_bytes")) + ", device memory " + FormatBytes(PlanValue(plan, "device_bytes")));
  for (const std::string& line : AccountLines(data_)) progress_.Say(line);
  plan_ = DescribePlan(plan);
  if (plan_.contains("choice")) progress_.Say("plan: " + plan_["choice"].get<std::string>());
  return plan;
}

// Up to the first step: what the task must know of the weights that the run began with, then the state of an earlier run.
void Training::Begin() {
  task_->Prepare(trainer_, progress_);
  begun_ = checkpoints_.Resume(trainer_, task_->Identity(), progress_);
  if (const int64_t most = group_.Most(begun_), least = -group_.Most(-begun_); most != least) {
    throw Error(options_.run.checkpoint_dir + ": one rank goes on after step " + std::to_string(least) + ", another after step " +
                std::to_string(most) + "; --checkpoint-dir must be a folder that all machines see");
  }
  if (begun_ > 0) task_->Seek(checkpoints_.data(), begun_);
  evaluated_ = checkpoints_.data().value("evaluated", int64_t{0});
  if (checkpoints_.data().contains("held_out")) held_out_.Take(checkpoints_.data()["held_out"]);
  OpenLogs();
}

bool Training::Finishes(const std::function<void()>& work) {
  interrupt_.Watch(trainer_.get());
  try {
    work();
  } catch (const ApiError& error) {
    interrupt_.Watch(nullptr);
    if (error.code() != HLM_CANCELLED || (!interrupt_.requested() && group_.size() == 1)) throw;
    return false;
  }
  interrupt_.Watch(nullptr);
  return true;
}

// Everybody who is told what the run does. A further one is added here.
void Training::OpenLogs() {
  if (!group_.first()) return;
  const std::string& path = options_.run.log_json;
  if (!path.empty()) logs_.Add(std::make_unique<JsonRunLog>(begun_ > 0 ? JsonLog(path, begun_) : JsonLog(path)));
  if (options_.json) logs_.Add(std::make_unique<JsonRunLog>(JsonLog::ToStandardOutput()));
  if (!options_.run.tensorboard.empty()) logs_.Add(std::make_unique<TensorBoardRunLog>(options_.run.tensorboard));
  if (!options_.run.report.empty()) logs_.Add(NewReport());
  logs_.Add(std::make_unique<ProgressRunLog>(progress_));
  const Json device = Json::parse(hlm::DescribeDevice(options_.engine.device));
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
  if (held_out_.best_step() > 0) position["held_out"] = held_out_.Saved();
  return position;
}

void Training::StartTrace(int64_t step) {
  if (!group_.first() || TracePath().empty() || step != std::min(begun_ + 2, steps_)) return;
  traced_.before_trace = Metrics();
  traced_.trace_first = step;
  trainer_.TraceStart();
  trace_end_ = std::min(step + kTracedSteps - 1, steps_);
}

void Training::WriteTrace(int64_t last) {
  trainer_.Finish();  // the last step's updates belong to the picture
  traced_.trace = TracePath();
  traced_.trace_last = last;
  traced_.after_trace = Metrics();
  trainer_.TraceWrite(traced_.trace);
  trace_end_ = 0;
}

// A report has a trace's figures; where nobody wants the trace itself it goes away again.
std::string Training::TracePath() const {
  if (!options_.run.trace.empty() || options_.run.report.empty()) return options_.run.trace;
  return options_.run.report + ".trace.tmp";
}

}  // namespace horizon
