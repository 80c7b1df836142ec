// The delta rule and Mamba-2's state space in chunks of tokens, within documents. Between the inputs and the results all is fp32.
#ifndef HORIZON_LM_CORE_CPU_RECURRENCE_H_
#define HORIZON_LM_CORE_CPU_RECURRENCE_H_

#include <cstddef>
#include <cstdint>

#include "core/device/ops.h"

namespace hlm {

// Floats of scratch; never falls with a dimension or threads.
size_t DeltaRuleFloats(const DeltaRuleArgs& args, int64_t threads);
size_t DeltaRuleBackwardFloats(const DeltaRuleBackwardArgs& args, int64_t threads);
void RunDeltaRule(const DeltaRuleArgs& args, int64_t threads, float* scratch);
void RunDeltaRuleBackward(const DeltaRuleBackwardArgs& args, int64_t threads, float* scratch);

size_t StateSpaceFloats(const StateSpaceArgs& args, int64_t threads);
size_t StateSpaceBackwardFloats(const StateSpaceBackwardArgs& args, int64_t threads);
void RunStateSpace(const StateSpaceArgs& args, int64_t threads, float* scratch);
void RunStateSpaceBackward(const StateSpaceBackwardArgs& args, int64_t threads, float* scratch);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_RECURRENCE_H_
