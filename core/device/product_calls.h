// The linear layers' calls of a step of given shapes, as a device's tuning takes them.
#ifndef HORIZON_LM_CORE_DEVICE_PRODUCT_CALLS_H_
#define HORIZON_LM_CORE_DEVICE_PRODUCT_CALLS_H_

#include <vector>

#include "core/device/ops.h"

namespace hlm {

// Pointers of these calls only say that an argument is given.
std::vector<Call> ProductCalls(const OpShapes& shapes);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_PRODUCT_CALLS_H_
