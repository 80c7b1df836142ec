// The plan of a process of a group: rank 0's choices.
#ifndef HORIZON_LM_CORE_TRAIN_SHARED_PLAN_H_
#define HORIZON_LM_CORE_TRAIN_SHARED_PLAN_H_

#include <memory>

#include "core/group/group.h"
#include "core/model/model.h"
#include "core/plan/plan.h"

namespace hlm {

// `own` was made from `options` and `machine`. Machines that look alike may time products or updates differently, have other memory left or
// lend other numbers of processors: where rank 0 chose otherwise, the plan is made again with its choices in place of what the options leave
// open. Every rank calls it; where one cannot take the choice all throw, FAILED_PRECONDITION with the key and both values, or what its plan
// throws. A plan for another number of processes than the group's comes back as it is.
std::shared_ptr<const Plan> SharePlan(ProcessGroup& group, const Model& model, std::shared_ptr<const Plan> own,
                                      const PlanOptions& options, const MachineSpec& machine);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_SHARED_PLAN_H_
