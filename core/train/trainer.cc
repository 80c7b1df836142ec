// A step: accumulate (forward and backward, no weight changes), then apply (clip, decide, update).
#include "core/train/trainer.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/memory_nodes.h"
#include "core/base/random.h"
#include "core/train/objective_weigher.h"
#include "core/train/state.h"

namespace hlm {

namespace {

double Seconds() { return Trace::Now() * 1e-6; }

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

std::vector<Device*> Pointers(const std::vector<std::unique_ptr<Device>>& devices) {
  std::vector<Device*> pointers;
  for (const auto& device : devices) pointers.push_back(device.get());
  return pointers;
}

std::vector<std::unique_ptr<Device>> OneOf(std::unique_ptr<Device> device) {
  std::vector<std::unique_ptr<Device>> devices;
  devices.push_back(std::move(device));
  return devices;
}

// The processors for the optimizer's threads: those of the memory node of all devices, where the host has several nodes, that one has
// enough of them, and this process may use them. None: wherever the system puts them.
std::vector<int> CoresBeside(const std::vector<std::unique_ptr<Device>>& devices, int64_t threads) {
  const int node = devices.front()->info().memory_node;
  if (node < 0) return {};
  for (const auto& device : devices) {
    if (device->info().memory_node != node) return {};
  }
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return {};
  std::vector<int> cores = MemoryNodes().Cores(node);
  std::erase_if(cores, [&](int core) { return core >= CPU_SETSIZE || !CPU_ISSET(static_cast<size_t>(core), &allowed); });
  return static_cast<int64_t>(cores.size()) >= threads ? cores : std::vector<int>();
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

Trainer::State::State(std::shared_ptr<const Model> own_model, std::shared_ptr<const Plan> own_plan,
                      const TrainerOptions& own_options, std::vector<std::unique_ptr<Device>> own_devices)
    : model(std::move(own_model)),
      plan(std::move(own_plan)),
      options(Checked(own_options)),
      group(options.group != nullptr && options.group->size() > 1 ? options.group.get() : nullptr),
      devices(std::move(own_devices)),
      device(devices.front().get()),
      pool(static_cast<int>(plan->optimizer_threads), CoresBeside(devices, plan->optimizer_threads)),
      store(model->layout(), *plan, *device, rank()),
      frozen(*plan, store, *device, pool),
      saver(*plan, store, pool, trace, device->race_checker(), SaversGroup()) {
  options.optimizer.algorithm = plan->numerics.algorithm;
  options.optimizer.path = plan->options.update_path.value_or(UpdatePath::kFused);
  // Its code is made here, not between two parts of a weight.
  if (options.optimizer.path == UpdatePath::kOneDnn) PrepareOptimizer(pool, options.optimizer);
  const ModelLayout& layout = model->layout();
  const auto before_update = [this](int64_t piece) {
    saver.BeforeUpdate(piece);
    frozen.BeforeChange(piece);
  };
  updater = std::make_unique<Updater>(model->spec(), layout, *plan, *device, store, options.optimizer, pool, trace, before_update,
                                      group);
  executor =
      std::make_unique<Executor>(model->spec(), layout, *plan, Pointers(devices), store, *updater, trace, interrupt, group);
  for (size_t u = 0; u < layout.units.size(); ++u) {
    for (const TensorSpec& tensor : layout.units[u].tensors) places[tensor.name] = {static_cast<int64_t>(u), &tensor};
  }
  if (plan->router.unrouted == Unrouted::kSkip) {
    for (const LoadPlaces::Router& router : PlaceLoads(model->spec(), *plan).routers) {
      expert_updates.emplace_back(static_cast<size_t>(router.experts));
    }
  }
  store.TouchPages(pool);
  store.Load(*model, pool);
}

Trainer::State::~State() {
  // Updates that are still pending belong to a step that was reported: the updater ends them before anything goes.
  if (executor) executor->Abandon();
  updater.reset();
}

void Trainer::State::CheckAlive() const {
  if (failure) throw *failure;
  CheckResumed();
}

void Trainer::State::CheckResumed() const {
  if (half_resumed)
    throw FailedPrecondition("a resume failed half way and the state is of no step: only a resume that succeeds goes on");
}

void Trainer::State::CheckWhole() const {
  CheckResumed();
  if (torn)
    throw FailedPrecondition("an update stopped half way and the weights are of two steps: ", failure ? failure->message() : "");
}

void Trainer::State::Forget() {
  accumulated = false;
  loss = entropy = 0;
  tokens = right = sums = 0;
  routers = {};
  gradient_written = false;
}

void Trainer::State::Recover() noexcept {
  executor->Abandon();
  try {
    updater->MakeUpAll();  // where the device has failed the state can still be read
    updater->WaitIdle();
  } catch (...) {  // it is the error at hand, or follows from it
  }
  torn = torn || updater->failed_update();
  updater->Reset();
  executor->OpenRings();
}

Tokens Trainer::State::Prepare(const Batch& batch, Predictions predictions) const {
  CheckAlive();
  return PrepareTokens(batch, model->spec().vocab, predictions);
}

BatchLoss Trainer::State::Accumulate(const Tokens& prepared, const std::optional<UpdateStep>& update,
                                     const Objective* objective) {
  Pass pass(model->layout(), *plan, prepared, false, objective != nullptr ? objective->group : 1, ranks());
  std::optional<ObjectiveWeigher> weigher;
  if (objective != nullptr) {
    pass.weighs_entropies = objective->entropy;
    weigher.emplace(*objective, pass);
  }
  pass.wants_entropies = pass.wants_best = options.token_metrics;
  if (!accumulated) began = Seconds();
  const double start = Seconds();
  BatchLoss result{0, prepared.predicted};
  std::optional<double> of_all;  // the loss, weighed ahead of the pass
  try {
    GuardedTogether([&] {
      if (weigher && (!pass.grouped || group != nullptr)) {
        // The borders of sweeps divide groups: the log-probabilities of all documents come from a pass of their own. They are the
        // same bits, for the micro-batches are the same.
        const Places places = LogProbs(prepared, nullptr, objective->entropy, false, ranks());
        of_all = weigher->WeighAll(places.losses, places.entropies);
      }
      if (executor->counts_ahead() && pass.sweeps() > 1) {
        // The balancing loss is over all sweeps, and the first one's backward pass comes before the last one's forward pass.
        executor->CountLoads(Pass(model->layout(), *plan, prepared, true, 1, ranks()));
        pass.counted = true;
      }
      const Weigh weigh = [&](const SweepLosses& sweep) { return weigher->Weigh(sweep); };
      result.loss = executor->ForwardBackward(
          pass, {.first = !accumulated, .step = step, .sums_before = sums, .update = update, .expert_updates = &expert_updates},
          weigher ? &weigh : nullptr);
      updater->WaitIdle();
      if (group != nullptr && of_all) result.loss = *of_all;
    });
  } catch (const Error& error) {
    const bool asked = error.code() == Code::kCancelled || error.code() == Code::kDeadlineExceeded;  // before any update
    torn = torn || (update && !asked);
    Forget();  // some units have this batch's gradient and some have not
    throw;
  } catch (...) {
    torn = torn || update;
    Forget();
    throw;
  }
  accumulated = true;
  loss += result.loss;
  tokens += result.tokens;
  sums += pass.sums();
  routers.Add(executor->routers());
  if (options.token_metrics) CountTokens(prepared);
  predicted_tokens += result.tokens;
  forward_backward_seconds += Seconds() - start;
  return result;
}

void Trainer::State::CountTokens(const Tokens& prepared) {
  const float *losses = executor->Losses(), *best = executor->Best(), *entropies = executor->Entropies();
  for (size_t t = 0; t < prepared.targets.size(); ++t) {
    if (prepared.targets[t] < 0) continue;
    right += losses[t] == best[t];
    entropy += static_cast<double>(entropies[t]);
  }
}

UpdateStep Trainer::State::NextUpdate(double lr, double gradient_scale) const {
  return {.step = updates + 1, .lr = lr, .gradient_scale = gradient_scale, .key = RandomKey(updates + 1, "update")};
}

StepMetrics Trainer::State::Apply() {
  if (!accumulated) throw FailedPrecondition("nothing was accumulated since the last update");
  const double start = Seconds();
  StepMetrics metrics;
  Guarded([&] {
    double squared_norm;
    try {
      squared_norm = AgreeToApply();
    } catch (...) {
      Forget();
      throw;
    }
    const double norm = std::sqrt(squared_norm);
    const bool finite = std::isfinite(norm) && std::isfinite(loss);
    const double lr = NextRate();
    if (finite) {
      const double clip = plan->grad_clip;
      const double scale = clip > 0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0;
      updater->UpdateAll(NextUpdate(lr, scale),
                         routers.Routed(plan->router, expert_updates, plan->DefersUpdates() && !gradient_written));
    }
    metrics = Finish(lr, squared_norm, !finite, 0);
    if (plan->timing == Timing::kSerial) updater->WaitIdle();
  });
  apply_seconds += Seconds() - start;
  return metrics;
}

StepMetrics Trainer::State::Skip(const Tokens& prepared) {
  began = Seconds();
  const Pass pass(model->layout(), *plan, prepared, false);   // refuses a batch that the plan has no room for, like any other
  if (group == nullptr) Guarded([&] { interrupt.Check(); });  // a group has agreed
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();  // a mean over nothing
  loss = kNone;
  return Finish(NextRate(), kNone, true, 0);
}

StepMetrics Trainer::State::Finish(double lr, double squared_norm, bool skipped, int64_t skipped_units) {
  ++step;
  if (!skipped) {
    ++updates;
    for (size_t r = 0; r < expert_updates.size() && !routers.choices.empty(); ++r) {
      for (size_t e = 0; e < expert_updates[r].size(); ++e) expert_updates[r][e] += routers.choices[r][e] > 0;
    }
  }
  StepMetrics metrics;
  metrics.step = step;
  metrics.loss = loss;
  metrics.grad_norm = std::sqrt(squared_norm);
  metrics.lr = lr;
  metrics.tokens = tokens;
  metrics.seconds = Seconds() - began;
  metrics.skipped = skipped;
  metrics.skipped_units = skipped_units;
  if (options.token_metrics) {  // 0 / 0 of a step without a prediction is NaN, as its loss
    metrics.mean_token_accuracy = static_cast<double>(right) / static_cast<double>(tokens);
    metrics.entropy = entropy / static_cast<double>(tokens);
  }
  TellRouters(metrics);
  Forget();
  return metrics;
}

void Trainer::State::TellRouters(StepMetrics& metrics) {
  last_routers = std::move(routers);
  if (last_routers.choices.empty()) return;
  if (plan->router.balance != 0) metrics.aux_loss = last_routers.balance;
  if (plan->router.z != 0) metrics.router_z_loss = last_routers.z;
  double unrouted = 0, experts = 0;
  for (const std::vector<double>& choices : last_routers.choices) {
    metrics.expert_imbalance = std::max(metrics.expert_imbalance, Imbalance(choices));
    unrouted += static_cast<double>(std::count(choices.begin(), choices.end(), 0.0));
    experts += static_cast<double>(choices.size());
  }
  metrics.unrouted_experts = unrouted / experts;
}

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

void Trainer::State::CheckAccumulates() const {
  if (plan->purpose == Purpose::kForward) throw FailedPrecondition("the plan's purpose is forward: it has no gradients");
  if (plan->purpose == Purpose::kTrain && plan->timing == Timing::kBackward) {
    throw FailedPrecondition(
        "optimizer_timing backward updates during the backward pass: call hlm_trainer_step, or plan with next-forward");
  }
}

BatchLoss Trainer::Accumulate(const Batch& batch) {
  State& s = *state_;
  s.CheckAccumulates();
  return s.Accumulate(s.PrepareTogether(batch, Predictions::kRequired, "an accumulation"), std::nullopt);
}

StepMetrics Trainer::Apply() {
  State& s = *state_;
  CheckTrains(*s.plan);
  s.CheckAlive();
  return s.Apply();
}

StepMetrics Trainer::Step(const Batch& batch) {
  State& s = *state_;
  CheckTrains(*s.plan);
  const Tokens prepared = s.PrepareTogether(batch, Predictions::kMayBeNone, "a step");
  if (prepared.predicted == 0 && !s.accumulated) return s.Skip(prepared);
  if (s.plan->timing == Timing::kBackward) {
    const double lr = s.NextRate();
    s.Accumulate(prepared, s.NextUpdate(lr, 1.0));
    s.ShareNorms(StrCat("the end of step ", s.step + 1, ", which has updated"));
    return s.Finish(lr, s.updater->norms().Squared(), !s.updater->gate_open(), s.updater->skipped_parts());
  }
  if (prepared.predicted > 0) s.Accumulate(prepared, std::nullopt);
  try {
    return s.Apply();
  } catch (...) {
    s.Forget();  // a step that fails has no effect: the next one starts from nothing
    throw;
  }
}

void Trainer::Discard() { state_->Forget(); }

void Trainer::SetLearningRate(double lr) {
  if (!std::isfinite(lr)) throw InvalidArgument("lr is ", lr, "; it must be finite, or negative for the schedule's");
  state_->fixed_lr = lr;
}

BatchLoss Trainer::Evaluate(const Batch& batch, const FrozenWeights* weights) {
  State& s = *state_;
  s.CheckFrozen(weights);
  const Tokens prepared = s.PrepareTogether(batch, Predictions::kRequired, "an evaluation");
  Pass pass(s.model->layout(), *s.plan, prepared, true, 1, s.ranks());
  pass.weights = weights;
  BatchLoss result{0, prepared.predicted};
  s.GuardedTogether([&] { result.loss = s.executor->Forward(pass); });
  return result;
}

void Trainer::Logits(const Batch& batch, std::span<const int64_t> places, std::span<float> logits) {
  State& s = *state_;
  const Tokens prepared = s.Prepare(batch, Predictions::kUnused);
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
  const size_t wanted = places.size() * static_cast<size_t>(s.model->spec().vocab);
  if (logits.size() != wanted) {
    throw InvalidArgument("n_logits is ", logits.size(), "; it must be places * vocab_size = ", places.size(), " * ",
                          s.model->spec().vocab);
  }
  const Pass pass(s.model->layout(), *s.plan, prepared, true);
  s.Guarded([&] { s.executor->Logits(pass, places, logits.data()); });
}

void Trainer::TraceStart() { state_->trace.Start(); }
void Trainer::TraceWrite(const std::string& path) {
  Finish();
  state_->trace.Write(path);
}
void Trainer::Cancel() { state_->interrupt.Cancel(); }

void Trainer::SetDeadline(double seconds) {
  if (!(seconds >= 0) || !std::isfinite(seconds))
    throw InvalidArgument("the deadline is ", seconds, " s; it must be finite and not negative");
  state_->interrupt.SetDeadline(seconds);
}

void Trainer::Finish() {
  state_->updater->MakeUpAll();
  state_->AwaitUpdates();
}

void Trainer::State::AwaitUpdates() {
  try {
    updater->WaitIdle();
  } catch (...) {
    torn = torn || updater->failed_update();
    throw;
  }
}

Device& Trainer::device() { return *state_->device; }

ProcessGroup* Trainer::group() { return state_->group; }

}  // namespace hlm
