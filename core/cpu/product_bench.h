// What a training step's matrix products cost when nothing else is done: the yardstick for the speed of a whole step.
#ifndef HORIZON_LM_CORE_CPU_PRODUCT_BENCH_H_
#define HORIZON_LM_CORE_CPU_PRODUCT_BENCH_H_

#include <cstdint>

#include "core/device/ops.h"
#include "core/device/product_times.h"

namespace hlm {

// Calls each product alone through oneDNN, on operands of its own, with shapes.threads threads; the faster one of dnnl_sgemm and
// the matmul primitive counts. Micro-batches are rows of row_length tokens, which must divide shapes.tokens. Takes some seconds
// and as much memory as the largest operands, at most about 1 GiB (larger products are timed in a slice and scaled).
ProductTimes TimeProducts(const OpShapes& shapes, int64_t layers, int64_t micro_batches, int64_t row_length);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_PRODUCT_BENCH_H_
