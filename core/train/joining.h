// What must be the same on every rank before a trainer's first step.
#ifndef HORIZON_LM_CORE_TRAIN_JOINING_H_
#define HORIZON_LM_CORE_TRAIN_JOINING_H_

#include <optional>

#include "core/base/error.h"
#include "core/model/model.h"
#include "core/plan/plan.h"
#include "core/train/trainer.h"

namespace hlm {

// FAILED_PRECONDITION where the group has not as many processes as the plan.
void CheckProcesses(const Plan& plan, const TrainerOptions& options);
// What must be the same on every rank, for the steps to be: throws on all of them where it is not, or where one has `failed`.
void JoinGroup(const Model& model, const Plan& plan, const TrainerOptions& options, const std::optional<Error>& failed);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_JOINING_H_
