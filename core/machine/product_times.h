// What a step's products and attention cost alone, through a device's own operations: the yardstick for the speed of a whole
// step.
#ifndef HORIZON_LM_CORE_MACHINE_PRODUCT_TIMES_H_
#define HORIZON_LM_CORE_MACHINE_PRODUCT_TIMES_H_

#include <cstddef>
#include <cstdint>

#include "core/device/device.h"
#include "core/device/ops.h"
#include "core/device/product_times.h"

namespace hlm {

// One after another on random operands of their own, each for a fifth of a second, multiplied by how often a step has them.
// Micro-batches are documents of row_length tokens, which divides shapes.tokens. Takes the memory of one micro-batch of a block
// and of the head on the device.
ProductTimes TimeDeviceProducts(Device& device, const OpShapes& shapes, size_t workspace_bytes, int64_t layers,
                                int64_t micro_batches, int64_t row_length);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MACHINE_PRODUCT_TIMES_H_
