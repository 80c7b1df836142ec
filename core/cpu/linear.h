// The three products of a linear layer, each in the form that fits its types and the processor. Run on the compute stream's
// worker; `scratch` holds what workspace.h says.
#ifndef HORIZON_LM_CORE_CPU_LINEAR_H_
#define HORIZON_LM_CORE_CPU_LINEAR_H_

#include "core/device/ops.h"

namespace hlm {

void RunLinear(const LinearArgs& args, float* scratch);
void RunLinearBackwardInput(const LinearBackwardInputArgs& args, float* scratch);
void RunLinearBackwardWeight(const LinearBackwardWeightArgs& args, float* scratch);

// By expert; scratch for a linear layer of all rows.
void RunGroupedLinear(const GroupedLinearArgs& args, float* scratch);
void RunGroupedLinearBackwardInput(const GroupedLinearBackwardInputArgs& args, float* scratch);
void RunGroupedLinearBackwardWeight(const GroupedLinearBackwardWeightArgs& args, float* scratch);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_LINEAR_H_
