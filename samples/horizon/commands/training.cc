// What a training run opens before its first step, and whom it tells.
#include "samples/horizon/commands/training.h"

#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <utility>

#include "samples/horizon/base/text.h"
#include "samples/horizon/report/report.h"
#include "samples/horizon/run/saving.h"

namespace horizon {
namespace {

// With --json standard output is the JSON lines; then progress is only for a person at a terminal.
std::FILE* ProgressStream(bool json) {
  if (!json) return stdout;
  return isatty(STDERR_FILENO) == 1 ? stderr : nullptr;
}

// The word of a choice, as it was given or by default.
std::string WordOf(const Options& options, std::string_view option) {
  for (const Setting& setting : options.settings) {
    if (setting.name == option) return setting.value;
  }
  return "";
}

// All ranks have their part in a save, and end at the same step.
Json SharedWork(const Options& options) {
  const RunOptions& run = options.run;
  const auto given = [](const std::string& option) { return option.empty() ? "not given" : "given"; };
  return {{"--out", given(run.out)},
          {"--save-dtype", WordOf(options, "--save-dtype")},
          {"--checkpoint-dir", given(run.checkpoint_dir)},
          {"--keep-best", run.keep_best},
          {"--early-stop", run.early_stop},
          {"--max-skipped-steps", run.max_skipped_steps},
          {"--sample-prompts", given(run.sample_prompts)},
          {"--sample-every", run.sample_every}};
}

Json LossOf(const Options& options) {
  const TaskOptions& task = options.task;
  return {{"--loss", WordOf(options, "--loss")},
          {"--beta", task.Beta()},
          {"--gamma", task.Gamma()},
          {"--label-smoothing", task.label_smoothing},
          {"--sft-weight", task.sft_weight},
          {"--reference-free", task.reference_free},
          {"--desirable-weight", task.desirable_weight},
          {"--undesirable-weight", task.undesirable_weight},
          {"--kl", task.mismatched_kl != 0 ? "mismatched" : "none"}};
}

std::unique_ptr<Report> NewReport(const Options& options, int64_t begun) {
  auto report = std::make_unique<Report>(options.run.report);
  const ModelOptions& model = options.model;
  report->run().model = !model.folder.empty() ? model.folder : !model.config.empty() ? model.config : model.preset;
  report->run().command = options.command_line;
  report->run().settings = options.settings;
  report->run().version = hlm_version();
  if (begun > 0 && !options.run.log_json.empty()) report->ReadLog(options.run.log_json, begun);
  return report;
}

}  // namespace

Training::Training(const Options& options, const Group& group, Interrupt& interrupt)
    : options_(options),
      group_(group),
      end_requests_(group, interrupt),
      checkpoints_(options.run),
      inputs_(options, group),
      course_(inputs_.Steps(), options.run.max_skipped_steps),
      progress_(group.first() ? ProgressStream(options.json) : nullptr, course_.steps(), group.first() ? "" : group.Who()),
      held_out_(options.run, inputs_.task().has_evaluation()),
      trace_(options.run, group.first()) {
  inputs_.MakePlan(checkpoints_.numerics(), course_.steps(), progress_);
  if (checkpoints_.on()) {
    const int64_t out_bytes = BytesOfOut(inputs_.model(), options.run, options.engine.compute == HLM_DTYPE_F32);
    CheckCheckpointDir(options.run, PlanValue(inputs_.plan(), "saving.state_bytes"), Saves(), out_bytes);
  }
  if (!options.run.sample_prompts.empty())
    samples_ = std::make_unique<Samples>(options, DescribeModel(inputs_.model()), inputs_.task().row_tokens());
}

int64_t Training::Saves() const {
  const int64_t every = options_.run.save_every;
  return every == 0 ? 1 : (course_.steps() + every - 1) / every;
}

// What decides the order of the rows and the calls of a run: ranks that differ in it would each do something else, or train on other data.
void Training::CheckAlike() const {
  const Task& task = inputs_.task();
  Json own = task.Identity();
  own["task"] = task.name();
  own["steps"] = course_.steps();
  own["steps of an epoch"] = task.steps_per_epoch();
  own["row tokens"] = task.row_tokens();
  own["rows"] = task.rows();
  own["--seed"] = options_.run.seed;
  own["--no-shuffle"] = options_.run.no_shuffle;
  own["--eval-every"] = options_.run.eval_every;
  own["--save-every"] = options_.run.save_every;
  own["held-out data"] = task.has_evaluation();
  own["a checkpoint to go on from"] = checkpoints_.finds();
  own.update(SharedWork(options_));
  if (!options_.task.task.empty()) own.update(LossOf(options_));
  own.update(task.Contents());
  group_.CheckSame(own);
}

// What the task must know of the weights that the run began with, then the state of an earlier run.
void Training::Begin() {
  Task& task = inputs_.task();
  task.Prepare(trainer_, progress_);
  const int64_t begun = checkpoints_.Resume(trainer_, task.Identity(), progress_);
  if (const int64_t most = group_.Most(begun), least = -group_.Most(-begun); most != least) {
    throw Error(options_.run.checkpoint_dir + ": one rank goes on after step " + std::to_string(least) + ", another after step " +
                std::to_string(most) + "; --checkpoint-dir must be a folder that all machines see");
  }
  if (begun > 0) task.Seek(checkpoints_.data(), begun);
  course_.Begin(begun);
  if (begun > 0 && course_.whole()) {
    progress_.Say("nothing is left to train: the run has " + FormatCount(course_.steps(), "step") +
                  ", and the checkpoint is of step " + FormatCount(begun));
  }
  held_out_.Take(checkpoints_.data());
  OpenLogs();
}

// Everybody who is told what the run does. A further one is added here.
void Training::OpenLogs() {
  if (!group_.first()) return;
  const int64_t begun = course_.begun();
  const std::string& path = options_.run.log_json;
  if (!path.empty()) logs_.Add(std::make_unique<JsonRunLog>(begun > 0 ? JsonLog(path, begun) : JsonLog(path)));
  if (options_.json) logs_.Add(std::make_unique<JsonRunLog>(JsonLog::ToStandardOutput()));
  if (!options_.run.tensorboard.empty()) logs_.Add(std::make_unique<TensorBoardRunLog>(options_.run.tensorboard));
  if (!options_.run.report.empty()) logs_.Add(NewReport(options_, begun));
  logs_.Add(std::make_unique<ProgressRunLog>(progress_));
  logs_.Begin(inputs_.Start(course_));
}

Json Training::Position() {
  Json position = inputs_.task().Position();
  held_out_.Save(position);
  return position;
}

}  // namespace horizon
