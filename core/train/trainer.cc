// The calls of a trainer; what a step is stands in step.cc.
#include "core/train/trainer.h"

#include <cmath>

#include "core/train/joining.h"
#include "core/train/state.h"

namespace hlm {
namespace {

void CheckOptions(const TrainerOptions& options) {
  CheckSchedule(options.schedule);
  const OptimizerOptions& a = options.optimizer;
  const auto check = [](const char* name, double value, bool fine, const char* limit) {
    if (!fine) throw InvalidArgument(name, " is ", value, "; it must ", limit);
  };
  check("beta1", a.beta1, a.beta1 >= 0 && a.beta1 < 1, "lie in [0, 1)");
  check("beta2", a.beta2, a.beta2 >= 0 && a.beta2 < 1, "lie in [0, 1)");
  check("eps", a.eps, a.eps > 0 && std::isfinite(a.eps), "be finite and above 0");
  check("weight_decay", a.weight_decay, a.weight_decay >= 0 && std::isfinite(a.weight_decay), "be finite and not negative");
}

std::vector<std::unique_ptr<Device>> OneOf(std::unique_ptr<Device> device) {
  std::vector<std::unique_ptr<Device>> devices;
  devices.push_back(std::move(device));
  return devices;
}

const TrainerOptions& Checked(const TrainerOptions& options) {
  CheckOptions(options);
  return options;
}

void CheckTrains(const Plan& plan) {
  if (plan.purpose != Purpose::kTrain)
    throw FailedPrecondition("the plan's purpose is ", Name(plan.purpose), ": it has no optimizer states");
}

}  // namespace

Trainer::State::State(std::shared_ptr<const Model> model, std::shared_ptr<const Plan> plan, const TrainerOptions& own_options,
                      std::vector<std::unique_ptr<Device>> devices)
    : options(Checked(own_options)),
      engine(std::move(model), std::move(plan), options.optimizer, std::move(devices), options.group.get()),
      position(engine.model->spec(), *engine.plan, options.schedule),
      accumulated(options.token_metrics),
      tensors(*engine.model, *engine.plan, engine.store, engine.all_ranks) {}

Trainer::Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Plan> plan, const TrainerOptions& options,
                 std::vector<std::unique_ptr<Device>> devices) {
  CheckProcesses(*plan, options);
  const auto make = [&] { state_ = std::make_unique<State>(model, plan, options, std::move(devices)); };
  if (plan->options.processes == 1) {
    make();
    return;
  }
  std::optional<Error> failed;
  try {
    make();
  } catch (const Error& error) {
    failed = error;
  } catch (const std::bad_alloc&) {
    failed = ResourceExhausted("out of memory");
  }
  JoinGroup(*model, *plan, options, failed);
}

Trainer::Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Plan> plan, const TrainerOptions& options,
                 std::unique_ptr<Device> device)
    : Trainer(std::move(model), std::move(plan), options, OneOf(std::move(device))) {}

Trainer::~Trainer() = default;

BatchLoss Trainer::Accumulate(const Batch& batch) {
  State& s = *state_;
  s.CheckAccumulates();
  return s.Accumulate(s.PrepareTogether(batch, Predictions::kRequired, "an accumulation"), std::nullopt);
}

StepMetrics Trainer::Apply() {
  State& s = *state_;
  CheckTrains(*s.engine.plan);
  s.engine.health.CheckAlive();
  return s.Apply();
}

StepMetrics Trainer::Step(const Batch& batch) {
  State& s = *state_;
  CheckTrains(*s.engine.plan);
  const Tokens prepared = s.PrepareTogether(batch, Predictions::kMayBeNone, "a step");
  if (prepared.predicted == 0 && !s.accumulated.any()) return s.Skip(prepared);
  if (s.engine.plan->timing == Timing::kBackward) {
    Updater& updater = *s.engine.updater;
    const double lr = s.position.NextRate();
    s.Accumulate(prepared, s.position.NextUpdate(lr, 1.0));
    s.ShareNorms(StrCat("the end of step ", s.position.steps() + 1, ", which has updated"));
    return s.Finish(lr, updater.norms().Squared(), !updater.gate_open(), updater.skipped_parts());
  }
  if (prepared.predicted > 0) s.Accumulate(prepared, std::nullopt);
  try {
    return s.Apply();
  } catch (...) {
    s.accumulated.Forget();  // a step that fails has no effect: the next one starts from nothing
    throw;
  }
}

void Trainer::Discard() { state_->accumulated.Forget(); }

void Trainer::SetLearningRate(double lr) {
  if (!std::isfinite(lr)) throw InvalidArgument("lr is ", lr, "; it must be finite, or negative for the schedule's");
  state_->position.SetRate(lr);
}

BatchLoss Trainer::Evaluate(const Batch& batch, const FrozenWeights* weights) {
  State& s = *state_;
  s.CheckFrozen(weights);
  const Tokens prepared = s.PrepareTogether(batch, Predictions::kRequired, "an evaluation");
  Pass pass(s.engine.model->layout(), *s.engine.plan, prepared, true, 1, s.engine.all_ranks.ranks());
  pass.weights = weights;
  BatchLoss result{0, prepared.predicted};
  s.engine.GuardedTogether([&] { result.loss = s.engine.executor->Forward(pass); });
  return result;
}

void Trainer::Logits(const Batch& batch, std::span<const int64_t> places, std::span<float> logits) {
  State& s = *state_;
  const Tokens prepared = s.engine.Prepare(batch, Predictions::kUnused);
  const int64_t n = static_cast<int64_t>(prepared.ids.size());
  std::vector<int64_t> all;
  if (places.empty()) {
    for (int64_t t = 0; t < n; ++t) all.push_back(t);
    places = all;
  }
  for (size_t p = 0; p < places.size(); ++p) {
    if (places[p] < 0 || places[p] >= n) throw OutOfRange("places[", p, "] is ", places[p], "; it must lie in [0, ", n, ")");
    if (p > 0 && places[p] <= places[p - 1]) {
      throw InvalidArgument("places[", p, "] is ", places[p], "; it must be above places[", p - 1, "], ", places[p - 1]);
    }
  }
  const size_t wanted = places.size() * static_cast<size_t>(s.engine.model->spec().vocab);
  if (logits.size() != wanted) {
    throw InvalidArgument("n_logits is ", logits.size(), "; it must be places * vocab_size = ", places.size(), " * ",
                          s.engine.model->spec().vocab);
  }
  const Pass pass(s.engine.model->layout(), *s.engine.plan, prepared, true);
  s.engine.Guarded([&] { s.engine.executor->Logits(pass, places, logits.data()); });
}

void Trainer::TraceStart() { state_->engine.trace.Start(); }
void Trainer::TraceWrite(const std::string& path) {
  Finish();
  state_->engine.trace.Write(path);
}
void Trainer::Cancel() { state_->engine.interrupt.Cancel(); }

void Trainer::SetDeadline(double seconds) {
  if (!(seconds >= 0) || !std::isfinite(seconds))
    throw InvalidArgument("the deadline is ", seconds, " s; it must be finite and not negative");
  state_->engine.interrupt.SetDeadline(seconds);
}

void Trainer::Finish() { state_->engine.FinishUpdates(); }

Device& Trainer::device() { return state_->engine.device(); }

ProcessGroup* Trainer::group() { return state_->engine.all_ranks.group(); }

}  // namespace hlm
