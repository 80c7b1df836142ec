// The steps of MakePlan, each of which fills in a share of the plan. Internal to core/plan.
#ifndef HORIZON_LM_CORE_PLAN_CHOOSE_H_
#define HORIZON_LM_CORE_PLAN_CHOOSE_H_

#include <functional>

#include "core/plan/plan.h"

namespace hlm {

struct PlanInputs {
  const ModelSpec& spec;
  const ModelLayout& layout;
  const MachineSpec& machine;
};

// Checks the options and fills in those that do not depend on what fits: pieces and parts, slots, ring, micro-batch, head chunk, threads.
void ResolveOptions(const PlanInputs& in, Plan& plan);

// What a step may be divided into: the plan of a step, and its visits, stay small.
inline constexpr int64_t kMostMicroBatches = int64_t{1} << 20;
inline constexpr int64_t kMostSweeps = 4096;
inline constexpr int64_t kMostVisits = int64_t{1} << 20;

// Of a group of experts, where the plan chooses it: long enough that its copy takes the link's rate, and what waits beside it is small.
inline constexpr int64_t kPieceBytes = int64_t{512} << 20;

// Sizes of everything, for the sweeps, policies and place of block inputs that stand in the plan.
void FillMemory(const PlanInputs& in, Plan& plan);

// The predicted time of a step of step_tokens tokens.
void FillPrediction(const PlanInputs& in, Plan& plan);

// Sweeps, activation policies and the place of block inputs: the fastest by prediction that fits. Throws RESOURCE_EXHAUSTED.
void ChooseActivations(const PlanInputs& in, Plan& plan);

// Where the options leave states, master or timing to the plan: `make` is called for the choices, the most exact first; the first
// that fits is taken, of timings the fastest. Otherwise it is called once, with the options as they are.
Plan ChooseStates(const PlanInputs& in, const PlanOptions& options, const std::function<Plan(const PlanOptions&)>& make);

// The way of the optimizer's update, for the states and master that stand in the plan: as asked for, else the machine's faster one.
UpdatePath ChooseUpdatePath(const PlanInputs& in, const Plan& plan);

// As asked for, or one for each device.
int64_t ReductionGroups(const PlanInputs& in, const PlanOptions& options);

// Parts of the unit that has most of them.
int64_t MostParts(const Plan& plan);

// Bytes of a device's shard of the largest part of a gradient.
int64_t ShardBytes(const Plan& plan, int64_t devices);

// What host and device may hold, options included.
int64_t HostLimit(const PlanInputs& in, const Plan& plan);
int64_t DeviceLimit(const PlanInputs& in, const Plan& plan);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_CHOOSE_H_
