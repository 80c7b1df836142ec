// The fastest algorithm of each product of a step.
#ifndef HORIZON_LM_CORE_CUDA_TUNE_H_
#define HORIZON_LM_CORE_CUDA_TUNE_H_

#include <string>

#include "core/device/ops.h"

namespace hlm::cuda {

// Times every product of a step of these shapes (on random operands) and returns the choices as text for PluginDeviceOptions.
// Takes up to a few seconds and the device memory of the largest operands.
std::string TuneProducts(int index, const OpShapes& shapes);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_TUNE_H_
