#include "samples/horizon/commands/training_inputs.h"

#include "samples/horizon/base/text.h"
#include "samples/horizon/data/account.h"
#include "samples/horizon/run/saving.h"

namespace horizon {
namespace {

// The model, where what the run leaves of it can be written.
Model OpenChecked(const Options& options, const Group& group) {
  Model model = OpenModel(options.model);
  if (group.first()) CheckOut(model, options.run, options.engine.compute == HLM_DTYPE_F32);
  return model;
}

std::string OfProcesses(const Group& group) {
  return group.size() == 1 ? "" : FormatCount(group.size()) + " processes, each with ";
}

}  // namespace

TrainingInputs::TrainingInputs(const Options& options, const Group& group)
    : options_(options),
      group_(group),
      model_(OpenChecked(options, group)),
      description_(DescribeModel(model_)),
      task_(MakeTask(options, description_, group)),
      data_(task_->Description()) {}

int64_t TrainingInputs::Steps() const {
  const RunOptions& run = options_.run;
  if (run.steps > 0) return run.steps;
  const int64_t of_epoch = task_->steps_per_epoch();
  int64_t steps = 0;
  if (__builtin_mul_overflow(run.epochs, of_epoch, &steps)) {
    throw UsageError("--epochs " + std::to_string(run.epochs) + " of " + std::to_string(of_epoch) + " steps overflow");
  }
  return steps;
}

void TrainingInputs::MakePlan(const std::string& numerics, int64_t steps, Progress& progress) {
  model_ = WithText(progress);
  plan_ = horizon::MakePlan(model_, options_, HLM_PURPOSE_TRAIN, task_->rows(), task_->row_tokens(), numerics);
  progress.Say(FormatCount(description_.at("parameters").get<int64_t>()) + " parameters; " + task_->Summary() + "; " +
               FormatCount(steps, "step") + "; " + OfProcesses(group_) + "host memory " +
               FormatBytes(PlanValue(plan_, "host_bytes")) + ", device memory " + FormatBytes(PlanValue(plan_, "device_bytes")));
  for (const std::string& line : AccountLines(data_)) progress.Say(line);
  if (group_.first() && options_.optimizer.warmup_steps > steps) {
    progress.Warn("the run's " + FormatCount(steps, "step") + " end within the " + FormatCount(options_.optimizer.warmup_steps) +
                  " of --warmup-steps: the rate never reaches --lr");
  }
  const Json plan = DescribePlan(plan_);
  if (plan.contains("choice")) progress.Say("plan: " + WithSizes(plan["choice"].get<std::string>()));
}

Model TrainingInputs::WithText(Progress& progress) const {
  const TextOptions& text = options_.text;
  const Stops stops = StopsOf(description_, data_);
  std::string ids;
  if (!stops.ids.empty() && !options_.run.keep_eos) ids = Json(stops.ids).dump();
  if (data_.contains("turns")) {
    const Json& turns = data_["turns"];
    const std::string none = WithoutStop(turns.at("turns"), turns.at("without_stop"));
    if (!none.empty() && group_.first()) progress.Warn(none);
  }
  if (!stops.text.empty() && !ids.empty()) {
    progress.Say(stops.text + ": what is saved has it among its eos_token_id (--keep-eos leaves them as they are)");
  } else if (!stops.text.empty() && group_.first()) {
    progress.Warn(stops.text);
  }
  hlm::TextOptions with;
  if (!text.tokenizer.empty()) with.tokenizer = text.tokenizer.c_str();
  if (text.chat_template != "auto") with.chat_template = text.chat_template.c_str();
  if (!ids.empty()) with.stop_ids_json = ids.c_str();
  return model_.WithText(with);
}

RunStart TrainingInputs::Start(const Course& course) const {
  const Json device = Json::parse(hlm::DescribeDevice(options_.engine.device));
  return {.model = description_,
          .plan = DescribePlan(plan_),
          .rated = device.contains("rates"),
          .task = task_->name(),
          .account = data_.value("account", Json::array()),
          .steps = course.steps(),
          .begun = course.begun()};
}

}  // namespace horizon
