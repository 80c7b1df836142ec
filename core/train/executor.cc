#include "core/train/executor.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/device/race_checker.h"

namespace hlm {

Executor::Executor(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, std::span<Device* const> devices,
                   ParameterStore& store, Updater& updater, Trace& trace, Interrupt& interrupt, ProcessGroup* group)
    : spec_(spec),
      plan_(plan),
      device_(*devices.front()),
      updater_(updater),
      interrupt_(interrupt),
      process_group_(group),
      batch_(spec, plan, *devices.front()),
      group_(plan, lanes_, store, updater, trace),
      routers_(spec, plan),
      experts_(spec.layers()) {
  HLM_CHECK(devices.size() == plan.devices.size(), devices.size(), " devices and a plan for ", plan.devices.size());
  for (Device* device : devices) {
    device->LeaveOut([&interrupt] { return interrupt.LeavesOut(); });
    lanes_.push_back(
        std::make_unique<Lane>(LaneContext{spec, layout, plan, trace, static_cast<int64_t>(lanes_.size())}, *device, batch_));
  }
  group_.Connect();
}

double Executor::ForwardBackward(const Pass& pass, const Gradients& gradients, const Weigh* weigh) {
  if (weigh == nullptr) return Run(pass, &gradients, {});
  const Weigh whole = [&](const SweepLosses& sweep) {
    Look(pass);  // losses that were left out are nobody's
    (*weigh)(sweep);
  };
  return Run(pass, &gradients, {.weigh = &whole});
}

double Executor::Forward(const Pass& pass) {
  const Lane::HeadWork loss = [](Lane& lane, const BlockRun& run, int64_t) { lane.Loss(run); };
  return Run(pass, nullptr, {.work = &loss});
}

void Executor::CountLoads(const Pass& pass) {
  const Lane::HeadWork nothing = [](Lane&, const BlockRun&, int64_t) {};
  Run(pass, nullptr, {.work = &nothing});
  routers_.KeepCounts();
}

void Executor::Logits(const Pass& pass, std::span<const int64_t> places, float* logits) {
  const Lane::HeadWork work = [&](Lane& lane, const BlockRun& run, int64_t m) {
    const int64_t begin = pass.cut.micro_batch(m).first_token, end = begin + run.micro.tokens;
    size_t next = static_cast<size_t>(std::lower_bound(places.begin(), places.end(), begin) - places.begin());
    while (next < places.size() && places[next] < end) {
      // A run of neighbouring places, at most a chunk of them, is one product.
      size_t rows = 1;
      while (next + rows < places.size() && places[next + rows] == places[next] + static_cast<int64_t>(rows) &&
             places[next + rows] < end && static_cast<int64_t>(rows) < run.head_chunk) {
        ++rows;
      }
      lane.Logits(run, places[next] - begin, static_cast<int64_t>(rows), logits + next * static_cast<size_t>(spec_.vocab));
      next += rows;
    }
  };
  Run(pass, nullptr, {.work = &work});
}

// The picture of the design, one call an arrow: layers, gradients down, weights up.
double Executor::Run(const Pass& pass, const Gradients* gradients, const Lane::HeadJob& head) {
  HLM_CHECK(pass.weights == nullptr || gradients == nullptr, "a backward pass under frozen weights");
  if (Alone(pass)) interrupt_.Open();
  Begin(pass);
  bool updating = false;  // timing `backward` has been let loose: the step can no longer be called back
  for (int64_t v = 0; v < static_cast<int64_t>(pass.visits.size()); ++v) {
    if (!updating) Look(pass);
    const Visit& visit = pass.visits[static_cast<size_t>(v)];
    const bool has_rows = experts_.HasRows(visit);
    Compute(pass, v, has_rows, head);
    if (visit.kind == VisitKind::kHead && gradients != nullptr && gradients->update && visit.sweep + 1 == pass.cut.sweeps()) {
      interrupt_.Close();
      updating = true;
      GateUpdates(pass);
    }
    HearRouters(pass, visit, gradients, updating);
    if (!visit.gradients.empty()) HandDown(pass, visit, *gradients, has_rows);
    group_.Gather(pass, v, experts_);
  }
  Finish(pass, updating);
  routers_.End(pass, GatherBytes());
  return head.weigh != nullptr ? 0 : pass.Loss(Losses(), Entropies());
}

// Of several processes none may stop alone: they agree on it before a pass and after it.
bool Executor::Alone(const Pass& pass) { return pass.cut.ranks().size == 1; }

void Executor::Look(const Pass& pass) {
  if (Alone(pass)) interrupt_.Check();
}

void Executor::Begin(const Pass& pass) {
  batch_.Fill(pass);
  for (const auto& lane : lanes_) lane->Begin(pass);
  experts_.Forget();
  group_.Gather(pass, -1, experts_);
  routers_.Begin();
}

// One visit on every lane.
void Executor::Compute(const Pass& pass, int64_t v, bool has_rows, const Lane::HeadJob& head) {
  for (const auto& lane : lanes_) lane->KeepPace(v);
  if (has_rows) {
    const Visit& visit = pass.visits[static_cast<size_t>(v)];
    group_.GatherLate(pass, visit);
    const std::vector<int64_t> versions = group_.Versions(pass, visit);
    for (const auto& lane : lanes_) lane->Run(pass, v, versions, head);
  } else {
    for (const auto& lane : lanes_) lane->Skip(pass, v);
  }
}

// What routers tell of their choices: behind the head of them all, or of one whose experts wait for it.
void Executor::HearRouters(const Pass& pass, const Visit& visit, const Gradients* gradients, bool updating) {
  if (visit.kind == VisitKind::kHead && routers_.on()) {
    routers_.Collect(pass, visit.sweep, lanes_, gradients != nullptr, GatherBytes());
    LearnChoices(pass, visit.sweep);
    if (updating) routed_ = routers_.End(pass, GatherBytes()).Routed(plan_.router, *gradients->expert_updates);
  }
  const bool chooses = visit.kind == VisitKind::kBlockForward && visit.stage.kind == Stage::kBefore;
  if (chooses && plan_.experts_up == ExpertsUp::kRouted) LearnChoice(pass, visit);
}

// Losses are on the host, of all processes.
void Executor::Finish(const Pass& pass, bool updating) {
  for (const auto& lane : lanes_) lane->Finish(pass);
  interrupt_.Close();
  if (pass.cut.ranks().size > 1) {
    if (updating) {
      updater_.WaitIdle();  // it has gathered them
    } else {
      batch_.GatherLosses(pass, *process_group_, ProcessGroup::kCalls);
    }
  }
  const size_t bytes = pass.tokens.ids.size() * sizeof(float);
  DeclareAccess(device_.race_checker(), Losses(), bytes, false, "losses on the host");
}

RouterTerms::GatherBytes Executor::GatherBytes() const {
  return [this](const std::string& own) { return process_group_->AllGather(ProcessGroup::kCalls, own); };
}

void Executor::GateUpdates(const Pass& pass) {
  std::vector<Event*> ready;
  for (const auto& lane : lanes_) ready.push_back(&lane->losses_down());
  updater_.GateUpdates(std::move(ready), [this, &pass] {
    if (pass.cut.ranks().size > 1) batch_.GatherLosses(pass, *process_group_, ProcessGroup::kGradients);
    return std::isfinite(pass.Loss(Losses(), Entropies()));
  });
}

// Of one layer, while its experts wait for it.
void Executor::LearnChoice(const Pass& pass, const Visit& visit) {
  for (const auto& lane : lanes_) lane->SendChoicesDown(pass, visit);
  experts_.Begin(visit.layer, visit.sweep, routers_.places().Of(visit.layer).experts);
  for (size_t l = 0; l < lanes_.size(); ++l) {
    if (pass.cut.ShareOf(visit.sweep, static_cast<int64_t>(l)).empty()) continue;
    const float* choices = lanes_[l]->loads().AwaitChoices(visit.layer);
    Look(pass);  // choices that were left out are none
    experts_.Add(visit.layer, choices);
  }
}

// Of all layers, from what the routers tell behind the forward pass.
void Executor::LearnChoices(const Pass& pass, int64_t sweep) {
  for (const LoadPlaces::Router& router : routers_.places().routers) {
    experts_.Begin(router.layer, sweep, router.experts);
    for (size_t l = 0; l < lanes_.size(); ++l) {
      if (pass.cut.ShareOf(sweep, static_cast<int64_t>(l)).empty()) continue;
      experts_.Add(router.layer, lanes_[l]->loads().AwaitChoices(router.layer));
    }
  }
}

void Executor::HandDown(const Pass& pass, const Visit& visit, const Gradients& gradients, bool made) {
  Updater::Sweep sweep;
  const int64_t sum = visit.sweep / pass.cut.turns();
  sweep.first = gradients.first && sum == 0;
  sweep.key = RandomKey(gradients.step, StrCat("gradient sum ", gradients.sums_before + sum));
  sweep.turn = visit.sweep % pass.cut.turns();
  if (visit.sweep + 1 == pass.cut.sweeps()) sweep.update = gradients.update;
  if (sweep.update) sweep.routed = routed_;
  for (const int64_t piece : visit.gradients) made ? group_.Reduce(piece, sweep) : group_.ReduceZero(piece, sweep);
}

void Executor::Abandon() noexcept {
  interrupt_.Stop();
  for (const auto& lane : lanes_) lane->Abandon();
  interrupt_.Forget();
  group_.Abandon();
}

void Executor::OpenRings() {
  for (const auto& lane : lanes_) {
    if (lane->ring() != nullptr) lane->ring()->Open();
  }
}

Executor::Counters Executor::counters() const {
  Counters sum;
  sum.update_wait_seconds = group_.update_wait_seconds();
  sum.batch_bytes = batch_.bytes();
  for (const auto& lane : lanes_) {
    const MoveCounters& moves = lane->counters();
    sum.moves.up_bytes += moves.up_bytes;
    sum.moves.down_bytes += moves.down_bytes;
    sum.moves.peer_bytes += moves.peer_bytes;
    sum.moves.uploads += moves.uploads;
    sum.moves.reused += moves.reused;
    sum.arena_bytes += lane->arena_bytes();
    sum.block_input_bytes += lane->block_input_bytes();
    sum.load_bytes += lane->load_bytes();
    if (const GradientRing* ring = lane->ring()) {
      sum.ring_waits += ring->waits();
      sum.ring_wait_seconds += ring->wait_seconds();
      sum.ring_bytes += ring->bytes();
    }
  }
  return sum;
}

}  // namespace hlm
