#include "core/plan/plan.h"

#include <algorithm>
#include <optional>

#include "core/base/error.h"
#include "core/layers/experts.h"
#include "core/plan/choose.h"
#include "core/plan/groups.h"
#include "core/plan/numerics.h"
#include "core/plan/rehearse.h"

namespace hlm {

const char* Name(Purpose purpose) {
  switch (purpose) {
    case Purpose::kTrain:
      return "train";
    case Purpose::kForwardBackward:
      return "forward-backward";
    case Purpose::kForward:
      return "forward";
  }
  return "unknown";
}
bool Keeps(Activations policy, Remake remake) {
  return policy == Activations::kKeep || (policy == Activations::kKeepCheap && remake != Remake::kPass);
}
const char* Name(Activations activations) {
  switch (activations) {
    case Activations::kKeep:
      return "keep";
    case Activations::kKeepCheap:
      return "keep-cheap";
    case Activations::kRecompute:
      return "recompute";
  }
  return "unknown";
}
const char* Name(BlockInputs place) { return place == BlockInputs::kDevice ? "device" : "host"; }
const char* Name(ProcessStates states) { return states == ProcessStates::kSharded ? "sharded" : "replicate"; }
const char* Name(ExpertsUp experts) { return experts == ExpertsUp::kAll ? "all" : "routed"; }
const char* Name(Route route) { return route == Route::kHost ? "host" : "peer"; }
const char* Name(Timing timing) {
  switch (timing) {
    case Timing::kNextForward:
      return "next-forward";
    case Timing::kBackward:
      return "backward";
    case Timing::kSerial:
      return "serial";
  }
  return "unknown";
}

namespace {

// Each product of a step once. Weight gradients overwrite in a sweep's first micro-batch and are added to in the others.
std::vector<Call> ProductCalls(const Rehearsal& rehearsal) {
  std::vector<Call> calls;
  rehearsal.ForEach([&](const RecordedCall& recorded) {
    if (std::holds_alternative<LinearArgs>(recorded.call) || std::holds_alternative<LinearBackwardInputArgs>(recorded.call)) {
      calls.push_back(recorded.call);
    } else if (const auto* weight = std::get_if<LinearBackwardWeightArgs>(&recorded.call)) {
      for (const bool accumulate : {false, true}) {
        LinearBackwardWeightArgs args = *weight;
        args.accumulate = accumulate;
        calls.push_back(args);
      }
    }
  });
  return calls;
}

Plan TryPlan(const PlanInputs& in, const PlanOptions& options) {
  Plan plan;
  plan.options = options;
  ResolveOptions(in, plan);
  plan.numerics = ChooseNumerics(plan, in.machine);
  plan.rehearsal = std::make_shared<const Rehearsal>(Rehearse(in.spec, in.layout, plan, in.machine));
  ChooseActivations(in, plan);
  return plan;
}

// Where the plan chooses the micro-batch: the largest that fits, halved down to one row.
Plan LargestMicroBatch(const PlanInputs& in, const PlanOptions& options) {
  if (options.micro_batch != 0) return TryPlan(in, options);
  for (int64_t tokens = in.machine.micro_tokens;; tokens /= 2) {
    const int64_t rows =
        options.seq_len > 0
            ? std::clamp<int64_t>(tokens / options.seq_len, 1,
                                  std::max<int64_t>(options.batch_size / std::max<int64_t>(ReductionGroups(in, options), 1), 1))
            : 1;
    try {
      PlanOptions one = options;
      one.micro_batch = rows;
      return TryPlan(in, one);
    } catch (const Error& error) {
      if (error.code() != Code::kResourceExhausted || rows == 1) throw;
    }
  }
}

// Whether some block may be visited by groups of experts, and the largest unit.
bool HasExperts(const ModelLayout& layout) {
  return std::any_of(layout.kinds.begin(), layout.kinds.end(), [](const auto& kind) { return kind->experts() != nullptr; });
}
int64_t LargestUnit(const ModelLayout& layout) {
  int64_t elements = 0;
  for (const UnitSpec& unit : layout.units) elements = std::max(elements, unit.elements);
  return elements;
}

// What must be gained for another plan than the plain one.
constexpr double kGain = 0.99;

void CheckRouted(const PlanInputs& in) {
  if (HasExperts(in.layout)) return;
  const auto routes = [](const BlockSpec& block) { return FindRouter(block) != nullptr; };
  if (std::none_of(in.spec.kinds.begin(), in.spec.kinds.end(), routes))
    throw InvalidArgument("experts_up is routed and the model has no experts");
  const auto chooses = [](const BlockSpec& block) { return FindRouter(block) != nullptr && FindRouter(block)->count > 1; };
  if (std::none_of(in.spec.kinds.begin(), in.spec.kinds.end(), chooses))
    throw InvalidArgument("experts_up is routed and the model's layers have one expert each, which every token takes");
  throw Unimplemented(
      "experts_up is routed and the model's blocks have something behind their experts: they are visited as a whole");
}

// Where the plan chooses the pieces of a block of experts: the block as a whole, or groups, which take less room for weights and
// gradients and more for what waits between stages. Groups where a block does not fit, or where that room buys time or larger
// micro-batches.
Plan ChooseGroups(const PlanInputs& in, const PlanOptions& options) {
  const int64_t largest = LargestUnit(in.layout) * static_cast<int64_t>(SizeOf(options.compute));
  if (options.max_piece_bytes != 0 || !HasExperts(in.layout) || largest <= kPieceBytes) return LargestMicroBatch(in, options);
  PlanOptions one = options;
  std::optional<Plan> whole;
  one.max_piece_bytes = largest;
  try {
    whole = LargestMicroBatch(in, one);
  } catch (const Error& error) {
    if (error.code() != Code::kResourceExhausted) throw;
  }
  one.max_piece_bytes = kPieceBytes;
  try {
    Plan groups = LargestMicroBatch(in, one);
    if (!whole || groups.micro_tokens > whole->micro_tokens) return groups;
    const double seconds = whole->prediction.step_seconds;
    return groups.micro_tokens == whole->micro_tokens && groups.prediction.step_seconds < kGain * seconds ? groups : *whole;
  } catch (const Error& error) {
    if (error.code() != Code::kResourceExhausted || !whole) throw;
    return *whole;
  }
}

// Where the plan chooses which experts go up: only routed ones, each a piece of its own, where tokens are so few that what stays down
// saves more time than the wait for the choice costs. Blocks that are no larger than a piece are not worth a look.
Plan ChoosePieces(const PlanInputs& in, const PlanOptions& options) {
  constexpr double kFew = 0.9;  // of the experts have rows
  PlanOptions routed = options;
  routed.experts_up = ExpertsUp::kRouted;
  if (routed.max_piece_bytes == 0) routed.max_piece_bytes = 1;
  if (options.experts_up == ExpertsUp::kRouted) {
    CheckRouted(in);
    Plan plan = LargestMicroBatch(in, routed);
    if (SweepVisits(in.layout, plan.pieces) > 2 * in.layout.layers() + 3) return plan;
    throw InvalidArgument("experts_up is routed and max_piece_bytes is ", options.max_piece_bytes,
                          ", which holds all experts of a block: they go up by groups, of which there must be two");
  }
  Plan plan = ChooseGroups(in, options);
  const int64_t largest = LargestUnit(in.layout) * static_cast<int64_t>(SizeOf(options.compute));
  if (options.experts_up || options.max_piece_bytes != 0 || !HasExperts(in.layout) || largest <= kPieceBytes) return plan;
  const int64_t tokens = plan.sweep_tokens * static_cast<int64_t>(plan.devices.size());
  const bool few = std::any_of(in.layout.kinds.begin(), in.layout.kinds.end(), [&](const auto& kind) {
    const ExpertsBody* experts = kind->experts();
    return experts != nullptr && ShareRouted(experts->spec().count, experts->spec().chosen, 1, tokens) < kFew;
  });
  if (!few) return plan;
  try {
    Plan other = LargestMicroBatch(in, routed);
    const bool faster = other.prediction.step_seconds < kGain * plan.prediction.step_seconds;
    return other.micro_tokens == plan.micro_tokens && faster ? other : plan;
  } catch (const Error& error) {
    if (error.code() != Code::kResourceExhausted) throw;
    return plan;
  }
}

// A snapshot of a save: what the plan leaves of host memory, at most the whole state.
void ChooseSnapshot(const PlanInputs& in, Plan& plan) {
  if (plan.purpose != Purpose::kTrain || plan.options.snapshot_bytes >= 0) return;
  plan.options.snapshot_bytes = std::clamp<int64_t>(HostLimit(in, plan) - plan.host_bytes, 0, plan.own_state_bytes);
  FillMemory(in, plan);
  FillPrediction(in, plan);
}

}  // namespace

Plan MakePlan(const ModelSpec& spec, const ModelLayout& layout, const PlanOptions& options, const MachineSpec& machine) {
  const PlanInputs in{spec, layout, machine};
  PlanOptions asked = options;
  Numerics match;
  if (!options.numerics.empty()) {
    match = ParseNumerics(options.numerics);
    AdoptNumerics(match, asked);
  }
  Plan plan = ChooseStates(in, asked, [&](const PlanOptions& one) { return ChoosePieces(in, one); });
  ChooseSnapshot(in, plan);
  plan.disk_bytes_per_second = machine.disk_bytes_per_second;
  plan.machine = machine.name;
  plan.options.update_path = ChooseUpdatePath(in, plan);
  plan.numerics.optimizer = OptimizerPath(*plan.options.update_path);
  plan.numerics.workspace_bytes = plan.EachDevice().arena.workspace.bytes;
  if (!options.numerics.empty() && match.libraries == machine.libraries) {
    plan.numerics.products = match.products;  // as they were chosen then: never timed again
  } else if (machine.product_algorithms) {
    plan.numerics.products = machine.product_algorithms(ProductCalls(*plan.rehearsal));
  }
  plan.options.sweeps = plan.numerics.sweeps;
  plan.options.block_inputs = plan.block_inputs;
  plan.numerics.hash = HashNumerics(plan.numerics);
  return plan;
}

}  // namespace hlm
