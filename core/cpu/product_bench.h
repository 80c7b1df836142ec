// What a training step's matrix products cost when nothing else is done: the yardstick for the speed of a whole step.
#ifndef HORIZON_LM_CORE_CPU_PRODUCT_BENCH_H_
#define HORIZON_LM_CORE_CPU_PRODUCT_BENCH_H_

#include <cstdint>
#include <string>

#include "core/device/ops.h"

namespace hlm {

// Seconds of one step, summed over layers, micro-batches and head chunks. Forward, input gradient and weight gradient each once:
// what a step that keeps its activations multiplies.
struct ProductTimes {
  double qkv = 0, o = 0, gate_up = 0, down = 0, head = 0;
  double attention_forward = 0, attention_backward = 0;  // in the causal tiles that the device runs
  double step = 0;                                       // the sum
  std::string form;                                      // "f32", "bf16", or "f32, as oneDNN has no bf16 on this processor"
};

// Calls each product alone through oneDNN, on operands of its own, with shapes.threads threads; the faster one of dnnl_sgemm and
// the matmul primitive counts. Micro-batches are rows of row_length tokens, which must divide shapes.tokens. Takes some seconds
// and as much memory as the largest operands, at most about 1 GiB (larger products are timed in a slice and scaled).
ProductTimes TimeProducts(const OpShapes& shapes, int64_t layers, int64_t micro_batches, int64_t row_length);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_PRODUCT_BENCH_H_
