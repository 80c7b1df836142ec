// What a training step's matrix products cost when nothing else is done: the yardstick for the speed of a whole step.
#ifndef HORIZON_LM_CORE_CPU_PRODUCT_BENCH_H_
#define HORIZON_LM_CORE_CPU_PRODUCT_BENCH_H_

#include <cstdint>
#include <vector>

#include "core/device/product_times.h"

namespace hlm {

// Calls each product alone through oneDNN, on operands of its own, with so many threads; the faster one of dnnl_sgemm and the matmul
// primitive counts. Of attention the products of its tiles alone, without what lies between them. Takes some seconds and as much
// memory as the largest operands, at most about 1 GiB (larger products are timed in a slice and scaled). The calls' arrays are not
// looked at, but for the documents' host offsets.
ProductTimes TimeProducts(const std::vector<CountedCall>& products, int64_t threads);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_PRODUCT_BENCH_H_
