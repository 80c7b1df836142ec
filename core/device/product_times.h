// What the products of a training step cost alone.
#ifndef HORIZON_LM_CORE_DEVICE_PRODUCT_TIMES_H_
#define HORIZON_LM_CORE_DEVICE_PRODUCT_TIMES_H_

#include <string>

namespace hlm {

// Seconds of one step, summed over layers, micro-batches and head chunks. Forward, input gradient and weight gradient each once:
// what a step that keeps its activations multiplies.
struct ProductTimes {
  double qkv = 0, o = 0, gate_up = 0, down = 0, head = 0;
  double attention_forward = 0, attention_backward = 0;
  double step = 0;   // the sum
  std::string form;  // how they were computed: "f32", "bf16", or "f32, as oneDNN has no bf16 on this processor"
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_PRODUCT_TIMES_H_
