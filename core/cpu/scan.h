// Recurrences of single channels, token after token within documents, and products by block of channels. States are fp32. What a
// channel computes does not depend on the number of threads.
#ifndef HORIZON_LM_CORE_CPU_SCAN_H_
#define HORIZON_LM_CORE_CPU_SCAN_H_

#include <cstddef>
#include <cstdint>

#include "core/device/ops.h"

namespace hlm {

// Floats of scratch; never falls with a dimension or threads.
size_t SelectiveScanFloats(const SelectiveScanArgs& args, int64_t threads);
size_t SelectiveScanBackwardFloats(const SelectiveScanBackwardArgs& args);
void RunSelectiveScan(const SelectiveScanArgs& args, int64_t threads, float* scratch);
void RunSelectiveScanBackward(const SelectiveScanBackwardArgs& args, int64_t threads, float* scratch);

size_t GatedRecurrenceBackwardFloats(const GatedRecurrenceBackwardArgs& args, int64_t threads);
void RunGatedRecurrence(const GatedRecurrenceArgs& args, int64_t threads);
void RunGatedRecurrenceBackward(const GatedRecurrenceBackwardArgs& args, int64_t threads, float* scratch);

size_t BlockLinearFloats(const BlockLinearArgs& args, int64_t threads);
size_t BlockLinearBackwardFloats(const BlockLinearBackwardArgs& args, int64_t threads);
void RunBlockLinear(const BlockLinearArgs& args, int64_t threads, float* scratch);
void RunBlockLinearBackward(const BlockLinearBackwardArgs& args, int64_t threads, float* scratch);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_SCAN_H_
