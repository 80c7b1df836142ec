// What a step's products and attention cost alone, through a device's own operations: the yardstick for the speed of a whole
// step.
#ifndef HORIZON_LM_CORE_MACHINE_PRODUCT_TIMES_H_
#define HORIZON_LM_CORE_MACHINE_PRODUCT_TIMES_H_

#include <cstddef>
#include <vector>

#include "core/device/device.h"
#include "core/device/product_times.h"

namespace hlm {

// One after another on random operands of their own, each for a fifth of a second, multiplied by how often a step has them. Takes
// the memory of one product's operands and the workspace on the device.
ProductTimes TimeDeviceProducts(Device& device, const std::vector<CountedCall>& products, size_t workspace_bytes);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MACHINE_PRODUCT_TIMES_H_
