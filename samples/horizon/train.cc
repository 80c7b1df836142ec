// horizon train
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "samples/horizon/command.h"
#include "samples/horizon/engine.h"
#include "samples/horizon/interrupt.h"
#include "samples/horizon/order.h"
#include "samples/horizon/output.h"
#include "samples/horizon/progress.h"
#include "samples/horizon/text.h"
#include "samples/horizon/tokenizer.h"

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
  Dataset OpenData(const std::string& data, const std::string& labels) const {
    return Dataset(data, labels, options_.shape.seq_len, description_.at("vocab_size").get<int64_t>(), ReaderOf(options_.model));
  }
  void Step(int64_t step);
  void EvaluateAfter(int64_t step);
  void Write(const Json& line);
  void StartTrace(int64_t step);
  void WriteTrace();
  void Save();
  void Report(int64_t done);

  const Options& options_;
  Interrupt& interrupt_;
  JsonLog log_file_;
  std::optional<JsonLog> log_stdout_;
  Model model_;
  Json description_;
  Dataset data_;
  std::optional<Dataset> eval_data_;
  RowOrder order_;
  int64_t steps_;
  Progress progress_;
  Trainer trainer_;
  Batch batch_;
  int64_t trace_end_ = 0;  // the last step that the running trace records; 0: none runs
  double first_loss_ = 0, last_loss_ = 0, seconds_ = 0;
  int64_t tokens_ = 0;
};

Training::Training(const Options& options, Interrupt& interrupt)
    : options_(options),
      interrupt_(interrupt),
      log_file_(options.run.log_json),
      model_(OpenModel(options.model)),
      description_(DescribeModel(model_)),
      data_(OpenData(options.data.data, options.data.labels)),
      order_(data_.rows(), options.shape.batch_size, options.run.seed, !options.run.no_shuffle),
      steps_(StepsOf(options.run, order_.batches_per_epoch())),
      progress_(ProgressStream(options.json), steps_) {
  if (options.json) log_stdout_.emplace(JsonLog::ToStandardOutput());
  // Held-out rows may be longer than those trained on; they go through the same plan.
  int64_t seq_len = data_.row_tokens();
  if (!options.run.eval_data.empty()) {
    eval_data_.emplace(OpenData(options.run.eval_data, options.run.eval_labels));
    seq_len = std::max(seq_len, eval_data_->row_tokens());
  }
  const Plan plan = MakePlan(model_, options, HLM_PURPOSE_TRAIN, options.shape.batch_size, seq_len);
  progress_.Say(FormatCount(description_.at("parameters").get<int64_t>()) + " parameters; " + FormatCount(data_.rows()) +
                " rows of " + FormatCount(data_.row_tokens()) + " tokens; " + FormatCount(steps_) + " steps of " +
                FormatCount(std::min(options.shape.batch_size, data_.rows())) + " rows; host memory " +
                FormatBytes(PlanValue(plan, "host_bytes")) + ", device memory " + FormatBytes(PlanValue(plan, "device_bytes")));
  trainer_ = MakeTrainer(model_, plan, options.optimizer, steps_);
  interrupt_.Watch(trainer_.get());
}

int Training::Run() {
  int64_t done = 0;
  bool cancelled = false;
  try {
    while (done < steps_ && !interrupt_.requested()) {
      StartTrace(done + 1);
      Step(done + 1);
      ++done;
      if (done == trace_end_) WriteTrace();
      const bool due = options_.run.eval_every > 0 && done % options_.run.eval_every == 0;
      if (eval_data_ && (due || done == steps_)) EvaluateAfter(done);
    }
  } catch (const ApiError& error) {
    if (error.code() != HLM_CANCELLED || !interrupt_.requested()) throw;
    cancelled = true;
  }
  interrupt_.Watch(nullptr);
  if (trace_end_ > 0) WriteTrace();
  Check(hlm_trainer_finish(trainer_.get()));
  Report(done);
  Save();
  log_file_.Close();
  if (log_stdout_) log_stdout_->Close();
  if (done == steps_ && !cancelled) return kExitOk;
  progress_.Clear();
  const std::string kept = options_.run.out.empty() ? "nothing was saved" : "its weights are in " + options_.run.out;
  std::fprintf(stderr, "error: interrupted after step %lld of %lld; %s\n", static_cast<long long>(done),
               static_cast<long long>(steps_), kept.c_str());
  return kExitInterrupted;
}

void Training::Step(int64_t step) {
  const Clock::time_point begin = Clock::now();
  data_.Fill(order_.Batch(step - 1), batch_);
  const hlm_batch view = ViewOf(batch_);
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  // Where every label of these rows is -100 there is nothing to learn: the library skips the step, the run goes on.
  Check(hlm_trainer_step(trainer_.get(), &view, &metrics));
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  Write({{"step", step},
         {"loss", metrics.loss},
         {"grad_norm", metrics.grad_norm},
         {"lr", metrics.lr},
         {"tokens", metrics.tokens},
         {"tokens_per_second", static_cast<double>(metrics.tokens) / seconds},
         {"skipped", metrics.skipped != 0}});
  progress_.Step(step, metrics.loss, metrics.tokens, seconds, metrics.skipped != 0);
  if (step == 1) first_loss_ = metrics.loss;
  last_loss_ = metrics.loss;
  tokens_ += metrics.tokens;
  seconds_ += seconds;
}

void Training::EvaluateAfter(int64_t step) {
  const Evaluation result = Evaluate(trainer_.get(), *eval_data_, options_.shape.batch_size);
  Write({{"step", step}, {"eval_loss", result.loss}, {"eval_perplexity", result.perplexity}, {"eval_tokens", result.tokens}});
  progress_.Say("step " + std::to_string(step) +
                Format(": held-out loss %.4f, perplexity %.2f over ", result.loss, result.perplexity) +
                FormatCount(result.tokens) + " tokens");
}

void Training::Write(const Json& line) {
  log_file_.Write(line);
  if (log_stdout_) log_stdout_->Write(line);
}

void Training::StartTrace(int64_t step) {
  if (options_.run.trace.empty() || step != std::min<int64_t>(2, steps_)) return;
  Check(hlm_trainer_trace_start(trainer_.get()));
  trace_end_ = std::min(step + kTracedSteps - 1, steps_);
}

void Training::WriteTrace() {
  Check(hlm_trainer_finish(trainer_.get()));  // the last step's updates belong to the picture
  Check(hlm_trainer_trace_write(trainer_.get(), options_.run.trace.c_str()));
  trace_end_ = 0;
}

void Training::Report(int64_t done) {
  if (done == 0) return;
  progress_.Say("trained " + FormatCount(done) + " steps on " + FormatCount(tokens_) + " tokens in " + FormatSeconds(seconds_) +
                " (" + FormatRate(static_cast<double>(tokens_) / seconds_) + " tokens/s)" +
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
  if (!options.run.trace.empty()) CheckOutputFile(options.run.trace);
  Interrupt interrupt;  // before the library starts threads
  return Training(options, interrupt).Run();
}

}  // namespace horizon
