// The fastest algorithm of each product of a step.
#ifndef HORIZON_LM_CORE_CUDA_TUNE_H_
#define HORIZON_LM_CORE_CUDA_TUNE_H_

#include <string>
#include <vector>

#include "core/device/ops.h"

namespace hlm::cuda {

// Times each product among these calls once (on random operands of one type) and returns the choices as text for
// PluginDeviceOptions. Takes up to a few seconds and the device memory of the largest operands.
std::string TuneProducts(int index, const std::vector<Call>& calls);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_TUNE_H_
