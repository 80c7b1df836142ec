#include "core/plan/plan.h"

#include "core/base/error.h"
#include "core/plan/choose.h"
#include "core/plan/numerics.h"

namespace hlm {

const char* Name(Purpose purpose) {
  switch (purpose) {
    case Purpose::kTrain: return "train";
    case Purpose::kForwardBackward: return "forward-backward";
    case Purpose::kForward: return "forward";
  }
  return "unknown";
}
const char* Name(Activations activations) {
  switch (activations) {
    case Activations::kKeep: return "keep";
    case Activations::kKeepCheap: return "keep-cheap";
    case Activations::kRecompute: return "recompute";
  }
  return "unknown";
}
const char* Name(BlockInputs place) { return place == BlockInputs::kDevice ? "device" : "host"; }
const char* Name(Timing timing) {
  switch (timing) {
    case Timing::kNextForward: return "next-forward";
    case Timing::kBackward: return "backward";
    case Timing::kSerial: return "serial";
  }
  return "unknown";
}

Plan MakePlan(const ModelSpec& spec, const ModelLayout& layout, const PlanOptions& options, const MachineSpec& machine) {
  const PlanInputs in{spec, layout, machine};
  Plan plan;
  plan.options = options;
  ResolveOptions(in, plan);
  plan.numerics = ChooseNumerics(plan, machine);
  ChooseActivations(in, plan);
  plan.options.sweeps = plan.numerics.sweeps;
  plan.options.block_inputs = plan.block_inputs;
  plan.numerics.hash = HashNumerics(plan.numerics);
  return plan;
}

}  // namespace hlm
