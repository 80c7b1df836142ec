// Log-probabilities without a gradient, frozen copies of the weights, and losses that are functions of log-probabilities.
#include <algorithm>

#include "core/train/objective_weigher.h"
#include "core/train/state.h"

namespace hlm {
namespace {

// The documents [first, end) of a batch, alone.
Tokens CutOut(const Tokens& all, int64_t first, int64_t end) {
  const int64_t begin = all.offsets[static_cast<size_t>(first)], stop = all.offsets[static_cast<size_t>(end)];
  const auto cut = [&](const auto& values, auto& out) {
    if (!values.empty()) out.assign(values.begin() + begin, values.begin() + stop);
  };
  Tokens out;
  cut(all.ids, out.ids);
  cut(all.targets, out.targets);
  cut(all.positions, out.positions);
  cut(all.weights, out.weights);
  for (int64_t d = first; d <= end; ++d) out.offsets.push_back(all.offsets[static_cast<size_t>(d)] - begin);
  out.denominator = all.denominator;
  out.scale = all.scale;
  return out;
}

// The objective counts tokens as it likes: the weights of the batch are not the head's.
Batch WithoutWeights(Batch batch) {
  batch.weights = {};
  batch.entropy_weights = {};
  batch.denominator = 1;
  return batch;
}

}  // namespace

void Trainer::State::CheckFrozen(const FrozenWeights* weights) const {
  if (weights != nullptr && !weights->Of(engine.frozen)) throw InvalidArgument("the frozen weights are another trainer's");
}

// Each pass takes as many whole micro-batches as a sweep of all devices holds. Micro-batches are cut over the whole batch, and in
// the same way again when a pass begins at the border of one, so the number of passes changes no bit.
Trainer::State::Places Trainer::State::LogProbs(const Tokens& prepared, const FrozenWeights* weights, bool entropies, bool best,
                                                Ranks ranks) {
  const Plan& plan = *engine.plan;
  const Executor& executor = *engine.executor;
  const std::vector<MicroBatch> cuts = CutMicroBatches(prepared.offsets, plan.micro_tokens);
  const size_t n = prepared.ids.size();
  Places out;
  out.losses.resize(n);
  if (entropies) out.entropies.resize(n);
  if (best) out.best.resize(n);
  for (size_t next = 0; next < cuts.size();) {
    const MicroBatch& first = cuts[next];
    const int64_t room = std::min(plan.step_tokens, plan.sweep_tokens * static_cast<int64_t>(plan.devices.size()) * ranks.size);
    int64_t tokens = 0, documents = 0;
    do {
      tokens += cuts[next].tokens;
      documents += cuts[next].documents;
      ++next;
    } while (next < cuts.size() && tokens + cuts[next].tokens <= room);
    const Tokens part = CutOut(prepared, first.first_document, first.first_document + documents);
    Pass pass(engine.model->layout(), plan, part, true, 1, ranks);
    pass.weights = weights;
    pass.wants_entropies = entropies;
    pass.wants_best = best;
    engine.executor->Forward(pass);
    const auto keep = [&](const float* from, std::vector<float>& to) {
      if (!to.empty()) std::copy_n(from, tokens, to.begin() + first.first_token);
    };
    keep(executor.Losses(), out.losses);
    keep(executor.Entropies(), out.entropies);
    keep(executor.Best(), out.best);
  }
  return out;
}

void Trainer::LogProbs(const Batch& batch, const FrozenWeights* weights, std::span<float> logprobs, std::span<float> entropies,
                       std::span<float> best, bool of_all) {
  State& s = *state_;
  s.CheckFrozen(weights);
  const Tokens prepared = s.engine.Prepare(WithoutWeights(batch), Predictions::kMayBeNone);
  const auto check = [&](std::span<float> out, const char* name, bool needed) {
    if ((needed || !out.empty()) && out.size() != prepared.ids.size()) {
      throw InvalidArgument("n_", name, " is ", out.size(), "; it must be n_ids, ", prepared.ids.size());
    }
  };
  check(logprobs, "logprobs", true);
  check(entropies, "entropies", false);
  check(best, "greedy", false);
  State::Places places;
  const auto forward = [&](Ranks ranks) { places = s.LogProbs(prepared, weights, !entropies.empty(), !best.empty(), ranks); };
  of_all ? s.engine.GuardedTogether([&] { forward(s.engine.all_ranks.ranks()); }) : s.engine.Guarded([&] { forward({}); });
  ShiftToTokens(prepared, 0, places.losses, -1, logprobs);
  if (!entropies.empty()) ShiftToTokens(prepared, 0, places.entropies, 1, entropies);
  if (!best.empty()) ShiftToTokens(prepared, 0, places.best, -1, best);
}

std::unique_ptr<FrozenWeights> Trainer::KeepWeights() {
  State& s = *state_;
  s.engine.health.CheckAlive();
  Finish();
  s.engine.health.CheckWhole();
  return s.engine.frozen.Keep();
}

BatchLoss Trainer::Evaluate(const Batch& batch, const Objective& objective) {
  State& s = *state_;
  const Tokens prepared = s.engine.Prepare(WithoutWeights(batch), Predictions::kRequired);
  const Ranks ranks = s.engine.all_ranks.ranks();
  // Refuses a batch that the plan has no room for, as Accumulate.
  const Pass pass(s.engine.model->layout(), *s.engine.plan, prepared, true, 1, ranks);
  ObjectiveWeigher weigher(objective, pass);
  BatchLoss result{0, prepared.predicted};
  s.engine.GuardedTogether([&] {
    const State::Places places = s.LogProbs(prepared, nullptr, objective.entropy, false, ranks);
    weigher.WeighAll(places.losses, places.entropies);
    result.loss = weigher.loss();
  });
  return result;
}

BatchLoss Trainer::Accumulate(const Batch& batch, const Objective& objective) {
  State& s = *state_;
  s.CheckAccumulates();
  Tokens prepared = s.engine.Prepare(WithoutWeights(batch), Predictions::kRequired);
  prepared.share = objective.share;
  return s.Accumulate(prepared, std::nullopt, &objective);
}

}  // namespace hlm
