// The steps of a training run, and its end.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
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

int Training::Run() {
  CheckAlike();
  trainer_ = MakeTrainer(inputs_.model(), inputs_.plan(), options_.optimizer, course_.steps(), inputs_.task().has_token_metrics(),
                         group_);
  if (!end_requests_.Finishes(trainer_, [&] { Begin(); })) {
    progress_.Clear();
    end_requests_.Asked();
    if (group_.first()) std::fprintf(stderr, "error: interrupted before the first step; nothing was saved\n");
    return end_requests_.ExitStatus();
  }
  const bool cancelled = !TakeSteps();
  if (cancelled) end_requests_.Asked();
  trace_.End(trainer_, course_);
  trainer_.Finish();
  if (course_.any()) progress_.Say(course_.Summary());
  const Outcome outcome = OutcomeOf(cancelled);
  const std::exception_ptr not_saved = SaveAll(outcome);
  const RunEnd end = End(outcome);
  logs_.End(end);
  progress_.Clear();
  if (outcome == Outcome::kDiverged) ThrowDiverged(end.note);
  if (not_saved) std::rethrow_exception(not_saved);
  logs_.Close();
  return outcome == Outcome::kFinished ? kExitOk : ExitInterrupted(end.note);
}

bool Training::TakeSteps() {
  const auto evaluation_is_due = [&] { return held_out_.IsDue(course_.done(), course_.whole()); };
  // A signal may have come between a step and its evaluation.
  if (course_.begun() > 0 && !course_.whole() && held_out_.evaluated() < course_.begun() && evaluation_is_due() && !Evaluate())
    return false;
  while (!course_.whole() && !end_requests_.Asked() && !course_.hopeless() && !held_out_.stops()) {
    trace_.BeforeStep(trainer_, course_);
    StepOrSave();
    if (course_.done() == course_.begun() + 1) WarnOfFallbacks();
    trace_.AfterStep(trainer_, course_);
    if (evaluation_is_due() && !Evaluate()) return false;
    if (samples_ && samples_->Due(course_.done(), course_.whole() || held_out_.stops()) && !Sample()) return false;
    // Last, so that the log of a run that goes on from here has this step's evaluation.
    // While steps are skipped the state is no better than the one that was saved, if it is good at all.
    if (!course_.skipping()) checkpoints_.AfterStep(trainer_, Position(), course_.done(), progress_);
  }
  return true;
}

// A device that fails takes no step with it that was finished.
void Training::StepOrSave() {
  try {
    Step();
  } catch (const ApiError& error) {
    if (!checkpoints_.on() || !course_.any() || !group_.first()) throw;
    try {
      checkpoints_.SaveLast(trainer_, Position(), course_.done(), progress_);
    } catch (const std::exception&) {
      throw error;
    }
    throw ApiError(error.code(), std::string(error.what()) + "; the state after step " + std::to_string(course_.done()) +
                                     " is in " + options_.run.checkpoint_dir + " (--resume goes on from it)");
  }
}

void Training::Step() {
  Task& task = inputs_.task();
  const int64_t step = course_.done() + 1;
  const Clock::time_point begin = Clock::now();
  Json more = Json::object();
  const hlm_step_metrics metrics = task.Step(trainer_, step, more);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  Json line = {{"step", step},
               {"loss", metrics.loss},
               {"grad_norm", metrics.grad_norm},
               {"lr", metrics.lr},
               {"tokens", metrics.tokens},
               {"tokens_per_second", static_cast<double>(metrics.tokens) / seconds},
               {"skipped", metrics.skipped != 0}};
  if (task.has_token_metrics()) {
    line["mean_token_accuracy"] = metrics.mean_token_accuracy;
    line["entropy"] = metrics.entropy;
  }
  AddRouters(metrics, line);
  if (metrics.expert_imbalance >= 0 && TellsExperts(step)) line["expert_tokens"] = Metrics()["experts"]["tokens"];
  line.update(more);
  logs_.Step(line, {.seconds = seconds, .tokens = task.step_tokens()});
  course_.Add(metrics, seconds);
}

bool Training::TellsExperts(int64_t step) const {
  const int64_t begun = course_.begun(), steps = course_.steps();
  const int64_t every = std::max((steps - begun) / kTables, kLeastStepsOfATable);
  return step == begun + 1 || step == steps || (step - begun) % every == 0;
}

bool Training::Evaluate() {
  const int64_t step = course_.done();
  Json line = {{"step", step}};
  if (!end_requests_.Finishes(trainer_, [&] { line.update(inputs_.task().Evaluate(trainer_)); })) return false;
  const bool best = held_out_.Evaluated(step, line);
  logs_.Evaluation(line);
  if (best && options_.run.keep_best) checkpoints_.SaveBest(trainer_, Position(), step, progress_);
  return true;
}

// The first rank's work; where a signal ends it, it has for all.
bool Training::Sample() {
  const auto sample = [&] { logs_.Samples({{"step", course_.done()}, {"samples", samples_->Round(trainer_)}}); };
  return group_.Most(group_.first() && !end_requests_.Finishes(trainer_, sample)) == 0;
}

// After the first step: those of its shape will go the same way.
void Training::WarnOfFallbacks() {
  const Json metrics = Metrics();
  if (metrics.at("attention_fallbacks") == 0 || !group_.first()) return;
  progress_.Warn("attention goes the slower way: " + metrics.at("attention_fallback_reason").get<std::string>());
}

Outcome Training::OutcomeOf(bool cancelled) const {
  const bool ends_without_loss = options_.run.max_skipped_steps > 0 && held_out_.HasNoLoss(course_.done());
  if (course_.HasDiverged() || ends_without_loss) return Outcome::kDiverged;
  return (course_.whole() || held_out_.stops()) && !cancelled ? Outcome::kFinished : Outcome::kInterrupted;
}

std::string Training::WhyItEnded(Outcome outcome) const {
  const std::string where = course_.Where();
  if (outcome == Outcome::kFinished) return "stopped early " + where + ": " + held_out_.WhyItStops();
  if (outcome == Outcome::kInterrupted) return "interrupted " + where;
  return "diverged " + where + ": " + (course_.skipping() ? course_.WhySkipped() : "the held-out loss is not finite");
}

std::string Training::LastGoodCheckpoint() const {
  if (!checkpoints_.on()) return "";
  const std::string& folder = options_.run.checkpoint_dir;
  const Json list = Json::parse(hlm::ListCheckpoints(folder));
  for (const Json& one : list.at("checkpoints")) {  // the newest first
    if (one.at("step").get<int64_t>() <= course_.last_good())
      return "the last good checkpoint is " + one.at("path").get<std::string>();
  }
  if (options_.run.keep_best && held_out_.best_step() > 0) return "the best checkpoint is in " + checkpoints_.best();
  return "no checkpoint in " + folder + " is known to be good";
}

// What cannot be written is told at the end: a full disk of the checkpoints is no reason not to write the model, nor is either one not to
// write the logs.
std::exception_ptr Training::SaveAll(Outcome outcome) {
  std::exception_ptr failed;
  const auto keep = [&](const std::function<void()>& save) {
    try {
      save();
    } catch (const std::exception&) {
      if (!failed) failed = std::current_exception();
    }
  };
  if (outcome == Outcome::kDiverged) {
    keep([&] { trainer_.SaveWait(); });
    return failed;
  }
  if (course_.any()) keep([&] { checkpoints_.SaveLast(trainer_, Position(), course_.done(), progress_); });
  keep([&] { SaveModel(); });
  return failed;
}

void Training::SaveModel() {
  if (options_.run.out.empty()) return;
  const int64_t step = TakeBest();
  horizon::SaveModel(trainer_, options_.run, step);
  progress_.Say("saved " + options_.run.out +
                (step == course_.done()
                     ? ""
                     : ", the weights after step " + FormatCount(step) + Format(", held-out loss %.4f", held_out_.best_loss())));
}

int64_t Training::TakeBest() {
  const int64_t best = held_out_.best_step();
  if (!options_.run.keep_best || best == 0 || best == course_.done()) return course_.done();
  try {
    checkpoints_.TakeBest(trainer_, group_);
    return best;
  } catch (const ApiError& error) {
    progress_.Warn(std::string("the best state cannot be read, the last one is saved: ") + error.what());
    return course_.done();
  }
}

RunEnd Training::End(Outcome outcome) {
  RunEnd end;
  course_.Tell(end);
  end.traced = trace_.steps();
  end.outcome = outcome;
  const bool early = outcome == Outcome::kFinished && !course_.whole();
  if (outcome != Outcome::kFinished || early) end.note = WhyItEnded(outcome);
  if (early) progress_.Say(end.note);
  end.metrics = Metrics();
  return end;
}

void Training::ThrowDiverged(const std::string& why) const {
  std::string message = why;
  if (!options_.run.out.empty()) message += "; nothing was written to " + options_.run.out;
  const std::string good = LastGoodCheckpoint();
  if (!good.empty()) message += "; " + good;
  throw Error(message + " (a lower --lr, --warmup-steps or --grad-clip may help)");
}

int Training::ExitInterrupted(const std::string& why) const {
  std::string kept = options_.run.out.empty() ? "" : "its weights are in " + options_.run.out;
  if (checkpoints_.saved() == course_.done())
    kept += (kept.empty() ? "" : ", ") + ("its state is in " + options_.run.checkpoint_dir) + " (--resume goes on from it)";
  if (kept.empty()) kept = "nothing was saved";
  if (group_.first()) std::fprintf(stderr, "error: %s; %s\n", why.c_str(), kept.c_str());
  return end_requests_.ExitStatus();
}

}  // namespace horizon
