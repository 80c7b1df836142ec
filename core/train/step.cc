// A step: accumulate (forward and backward, no weight changes), then apply (clip, decide, update).
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/train/objective_weigher.h"
#include "core/train/state.h"

namespace hlm {
namespace {

double Seconds() { return Trace::Now() * 1e-6; }

}  // namespace

void Trainer::State::CheckAccumulates() const {
  const Plan& plan = *engine.plan;
  if (plan.purpose == Purpose::kForward) throw FailedPrecondition("the plan's purpose is forward: it has no gradients");
  if (plan.purpose == Purpose::kTrain && plan.timing == Timing::kBackward) {
    throw FailedPrecondition(
        "optimizer_timing backward updates during the backward pass: call hlm_trainer_step, or plan with next-forward");
  }
}

BatchLoss Trainer::State::Accumulate(const Tokens& prepared, const std::optional<UpdateStep>& update,
                                     const Objective* objective) {
  const ModelLayout& layout = engine.model->layout();
  const Plan& plan = *engine.plan;
  const Ranks ranks = engine.all_ranks.ranks();
  Executor& executor = *engine.executor;
  Pass pass(layout, plan, prepared, false, objective != nullptr ? objective->group : 1, ranks);
  std::optional<ObjectiveWeigher> weigher;
  if (objective != nullptr) {
    pass.weighs_entropies = objective->entropy;
    weigher.emplace(*objective, pass);
  }
  pass.wants_entropies = pass.wants_best = options.token_metrics;
  accumulated.Begin();
  const double start = Seconds();
  BatchLoss result{0, prepared.predicted};
  try {
    engine.GuardedTogether([&] {
      if (weigher && (!pass.cut.grouped() || !engine.all_ranks.alone())) {
        // The borders of sweeps divide groups: the log-probabilities of all documents come from a pass of their own. They are the
        // same bits, for the micro-batches are the same.
        const Places places = LogProbs(prepared, nullptr, objective->entropy, false, ranks);
        weigher->WeighAll(places.losses, places.entropies);
      }
      if (executor.counts_ahead() && pass.cut.sweeps() > 1) {
        // The balancing loss is over all sweeps, and the first one's backward pass comes before the last one's forward pass.
        executor.CountLoads(Pass(layout, plan, prepared, true, 1, ranks));
        pass.counted = true;
      }
      const Weigh weigh = [&](const SweepLosses& sweep) { weigher->Weigh(sweep); };
      result.loss = executor.ForwardBackward(pass,
                                             {.first = !accumulated.any(),
                                              .step = position.steps(),
                                              .sums_before = accumulated.sums(),
                                              .update = update,
                                              .expert_updates = &position.expert_updates()},
                                             weigher ? &weigh : nullptr);
      engine.updater->WaitIdle();
      if (weigher) result.loss = weigher->loss();
      result.loss += executor.routers().loss;
    });
  } catch (const Error& error) {
    const bool asked = error.code() == Code::kCancelled || error.code() == Code::kDeadlineExceeded;  // before any update
    if (update && !asked) engine.health.Tear();
    accumulated.Forget();  // some units have this batch's gradient and some have not
    throw;
  } catch (...) {
    if (update) engine.health.Tear();
    accumulated.Forget();
    throw;
  }
  accumulated.Add(result, pass.cut.sums(), prepared, executor);
  counters.predicted_tokens += result.tokens;
  counters.forward_backward_seconds += Seconds() - start;
  return result;
}

StepMetrics Trainer::State::Apply() {
  if (!accumulated.any()) throw FailedPrecondition("nothing was accumulated since the last update");
  const Plan& plan = *engine.plan;
  const double start = Seconds();
  StepMetrics metrics;
  engine.Guarded([&] {
    double squared_norm;
    try {
      squared_norm = AgreeToApply();
    } catch (...) {
      accumulated.Forget();
      throw;
    }
    const double norm = std::sqrt(squared_norm);
    const bool finite = std::isfinite(norm) && std::isfinite(accumulated.loss());
    const double lr = position.NextRate();
    if (finite) {
      const double scale = plan.grad_clip > 0 ? std::min(1.0, plan.grad_clip / (norm + 1e-6)) : 1.0;
      const bool defers = plan.DefersUpdates() && !accumulated.gradient_written();
      engine.updater->UpdateAll(position.NextUpdate(lr, scale),
                                accumulated.routers().Routed(plan.router, position.expert_updates(), defers));
    }
    metrics = Finish(lr, squared_norm, !finite, 0);
    if (plan.timing == Timing::kSerial) engine.updater->WaitIdle();
  });
  counters.apply_seconds += Seconds() - start;
  return metrics;
}

StepMetrics Trainer::State::Skip(const Tokens& prepared) {
  accumulated.Begin();
  const Pass pass(engine.model->layout(), *engine.plan, prepared,
                  false);  // refuses a batch that there is no room for, like any other
  if (engine.all_ranks.alone()) engine.Guarded([&] { engine.interrupt.Check(); });  // a group has agreed
  accumulated.AddNothing();
  return Finish(position.NextRate(), std::numeric_limits<double>::quiet_NaN(), true, 0);
}

StepMetrics Trainer::State::Finish(double lr, double squared_norm, bool skipped, int64_t skipped_units) {
  position.Advance(skipped, accumulated.routers().choices);
  StepMetrics metrics = accumulated.Metrics(engine.plan->router);
  metrics.step = position.steps();
  metrics.grad_norm = std::sqrt(squared_norm);
  metrics.lr = lr;
  metrics.skipped = skipped;
  metrics.skipped_units = skipped_units;
  counters.last_routers = accumulated.routers();
  accumulated.Forget();
  return metrics;
}

}  // namespace hlm
