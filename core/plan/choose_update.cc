// Which way the optimizer's update goes.
#include "core/base/error.h"
#include "core/plan/choose.h"
#include "cpu_optim/optimizer.h"

namespace hlm {
namespace {

// Below that an update is over in milliseconds either way, and not worth the timing of both.
constexpr int64_t kWorthTiming = int64_t{1} << 26;  // parameters

}  // namespace

UpdatePath ChooseUpdatePath(const PlanInputs& in, const Plan& plan) {
  if (plan.purpose != Purpose::kTrain) return UpdatePath::kFused;
  const Numerics& n = plan.numerics;
  const bool exact = n.compute == DType::kF32 || n.remainder;
  const bool takes = Takes(UpdatePath::kOneDnn, n.algorithm, n.states, exact);
  if (plan.options.update_path) {
    if (*plan.options.update_path == UpdatePath::kOneDnn && !takes) {
      throw InvalidArgument("optimizer_path is onednn, which has adamw with f32 states and an exact master only; optimizer is ",
                            Name(n.algorithm), ", states ", Name(n.states), ", master ", MasterName(n),
                            ": set optimizer_path to fused");
    }
    return *plan.options.update_path;
  }
  if (!takes || !in.machine.faster_update || plan.parameters < kWorthTiming) return UpdatePath::kFused;
  return in.machine.faster_update(n.compute == DType::kBF16);
}

}  // namespace hlm
