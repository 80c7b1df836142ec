// The steps of a training run, and its end.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <utility>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/training.h"
#include "samples/horizon/run/saving.h"

namespace horizon {

using Clock = std::chrono::steady_clock;

namespace {

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

}  // namespace

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
  if (outcome == Outcome::kFinished) return "stopped early" + at + ": " + held_out_.WhyItStops();
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
  const Json list = Json::parse(hlm::ListCheckpoints(folder));
  for (const Json& one : list.at("checkpoints")) {  // the newest first
    if (one.at("step").get<int64_t>() <= last_good) return "the last good checkpoint is " + one.at("path").get<std::string>();
  }
  if (options_.run.keep_best && held_out_.best_step() > 0) return "the best checkpoint is in " + checkpoints_.best();
  return "no checkpoint in " + folder + " is known to be good";
}

int Training::Run() {
  trainer_ = MakeTrainer(model_, opened_plan_, options_.optimizer, steps_, task_->has_token_metrics(), group_);
  if (!Finishes([&] { Begin(); })) {
    progress_.Clear();
    AskedToEnd();
    if (group_.first()) std::fprintf(stderr, "error: interrupted before the first step; nothing was saved\n");
    return kExitSignal + static_cast<int>(signal_);
  }
  int64_t done = begun_;
  bool cancelled = false;
  // A signal may have come between a step and its evaluation.
  if (begun_ > 0 && begun_ < steps_ && evaluated_ < begun_ && EvaluationIsDue(begun_)) cancelled = !EvaluateAfter(begun_);
  const int64_t most = options_.run.max_skipped_steps;
  while (done < steps_ && !cancelled && !AskedToEnd() && (most == 0 || skipped_ < most) && !held_out_.stops()) {
    StartTrace(done + 1);
    StepOrSave(done + 1);
    ++done;
    if (done == begun_ + 1) WarnOfFallbacks();
    if (done == trace_end_) WriteTrace(done);
    if (EvaluationIsDue(done)) cancelled = !EvaluateAfter(done);
    if (samples_ && !cancelled && samples_->Due(done, done == steps_ || held_out_.stops()))
      cancelled = group_.Most(group_.first() && !Finishes([&] { Sample(done); })) != 0;
    // Last, so that the log of a run that goes on from here has this step's evaluation.
    // While steps are skipped the state is no better than the one that was saved, if it is good at all.
    if (!cancelled && skipped_ == 0) checkpoints_.AfterStep(trainer_, Position(), done, progress_);
  }
  if (cancelled) AskedToEnd();
  if (trace_end_ > 0) WriteTrace(done);
  trainer_.Finish();
  SayWhatWasDone(done);
  const Outcome outcome = HasDiverged(done)                                     ? Outcome::kDiverged
                          : (done >= steps_ || held_out_.stops()) && !cancelled ? Outcome::kFinished
                                                                                : Outcome::kInterrupted;
  // What cannot be written is told at the end: a full disk of the checkpoints is no reason not to write the model, nor is either one not to
  // write the logs.
  std::exception_ptr not_saved;
  const auto keep = [&](const std::function<void()>& save) {
    try {
      save();
    } catch (const std::exception&) {
      if (!not_saved) not_saved = std::current_exception();
    }
  };
  if (outcome == Outcome::kDiverged) {
    keep([&] { trainer_.SaveWait(); });
  } else {
    if (done > begun_) keep([&] { checkpoints_.SaveLast(trainer_, Position(), done, progress_); });
    keep([&] { Save(done); });
  }
  RunEnd end = traced_;
  end.done = done;
  end.outcome = outcome;
  const bool early = outcome == Outcome::kFinished && done < steps_;
  if (early) progress_.Say(WhyItEnded(outcome, done));
  if (outcome != Outcome::kFinished || early) end.note = WhyItEnded(outcome, done);
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
  if (group_.first()) std::fprintf(stderr, "error: %s; %s\n", end.note.c_str(), kept.c_str());
  return kExitSignal + static_cast<int>(signal_);
}

// A device that fails takes no step with it that was finished.
void Training::StepOrSave(int64_t step) {
  try {
    Step(step);
  } catch (const ApiError& error) {
    const int64_t done = step - 1;
    if (!checkpoints_.on() || done == begun_ || !group_.first()) throw;
    try {
      checkpoints_.SaveLast(trainer_, Position(), done, progress_);
    } catch (const std::exception&) {
      throw error;
    }
    throw ApiError(error.code(), std::string(error.what()) + "; the state after step " + std::to_string(done) + " is in " +
                                     options_.run.checkpoint_dir + " (--resume goes on from it)");
  }
}

void Training::Step(int64_t step) {
  const Clock::time_point begin = Clock::now();
  Json more = Json::object();
  const hlm_step_metrics metrics = task_->Step(trainer_, step, more);
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
  last_loss_ = NoSignOfNan(metrics.loss);
  if (step == begun_ + 1) first_loss_ = last_loss_;
  tokens_ += metrics.tokens;
  seconds_ += seconds;
}

bool Training::TellsExperts(int64_t step) const {
  const int64_t every = std::max((steps_ - begun_) / kTables, kLeastStepsOfATable);
  return step == begun_ + 1 || step == steps_ || (step - begun_) % every == 0;
}

bool Training::EvaluateAfter(int64_t step) {
  Json line = {{"step", step}};
  if (!Finishes([&] { line.update(task_->Evaluate(trainer_)); })) return false;
  evaluated_ = step;
  bad_evaluation_ = line.value("eval_tokens", int64_t{0}) > 0 && line.contains("eval_loss") && line["eval_loss"].is_number() &&
                    !std::isfinite(line["eval_loss"].get<double>());
  logs_.Evaluation(line);
  const bool has_loss = line.contains("eval_loss") && line["eval_loss"].is_number();
  if (has_loss && held_out_.Evaluated(step, line["eval_loss"].get<double>()) && options_.run.keep_best) {
    checkpoints_.SaveBest(trainer_, Position(), step, progress_);
  }
  return true;
}

// After the first step: those of its shape will go the same way.
void Training::WarnOfFallbacks() {
  const Json metrics = Metrics();
  if (metrics.at("attention_fallbacks") == 0 || !group_.first()) return;
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
  const int64_t step = TakeBest(done);
  SaveModel(trainer_, options_.run, step);
  progress_.Say("saved " + options_.run.out +
                (step == done
                     ? ""
                     : ", the weights after step " + FormatCount(step) + Format(", held-out loss %.4f", held_out_.best_loss())));
}

int64_t Training::TakeBest(int64_t done) {
  const int64_t best = held_out_.best_step();
  if (!options_.run.keep_best || best == 0 || best == done) return done;
  try {
    checkpoints_.TakeBest(trainer_, group_);
    return best;
  } catch (const ApiError& error) {
    progress_.Warn(std::string("the best state cannot be read, the last one is saved: ") + error.what());
    return done;
  }
}

void Training::Sample(int64_t step) { logs_.Samples({{"step", step}, {"samples", samples_->Round(trainer_)}}); }

}  // namespace horizon
