// What one process of a group chose in its plan, for the others: whatever a plan reads off its machine or finds by timing, and all processes
// must have alike. (Activation policies, slots, rings and optimizer threads change no bit: each process keeps its own.)
#ifndef HORIZON_LM_CORE_PLAN_SHARED_CHOICE_H_
#define HORIZON_LM_CORE_PLAN_SHARED_CHOICE_H_

#include <string>

#include "core/plan/plan.h"

namespace hlm {

// JSON; of two processes the same bytes where their choices are the same.
std::string SharedChoice(const Plan& plan);

// The options with what they leave to the plan taken from the choice of another process; what they say themselves they keep.
// FAILED_PRECONDITION where the device or its libraries, which no options choose, are others than `machine`'s.
PlanOptions AdoptChoice(const std::string& choice, const MachineSpec& machine, PlanOptions options);

// FAILED_PRECONDITION naming the first key that differs, with both values: of this process and of the other one.
void CheckChoice(const Plan& own, const std::string& choice);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_SHARED_CHOICE_H_
