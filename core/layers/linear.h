// A product with a weight matrix: where its weights lie, forward and backward.
#ifndef HORIZON_LM_CORE_LAYERS_LINEAR_H_
#define HORIZON_LM_CORE_LAYERS_LINEAR_H_

#include "core/layers/run.h"

namespace hlm {

struct LinearPart {
  int64_t in = 0, out = 0;
  int64_t weight = -1, bias = -1;  // offsets in the slab

  void Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
    r.ops.Linear(r.stream, {.type = r.type,
                            .y_type = r.type,
                            .tokens = r.micro.tokens,
                            .in = in,
                            .out = out,
                            .x = x,
                            .w = r.Weight(weight),
                            .bias = r.Weight(bias),
                            .addend = addend,
                            .y = y});
  }
  // The input's gradient, then the weight's.
  void Backward(const BlockRun& r, const void* dy, const void* x, void* dx) const {
    BackwardInput(r, dy, dx);
    BackwardWeight(r, dy, x);
  }
  void BackwardInput(const BlockRun& r, const void* dy, void* dx) const {
    r.ops.LinearBackwardInput(
        r.stream, {.type = r.type, .tokens = r.micro.tokens, .in = in, .out = out, .dy = dy, .w = r.Weight(weight), .dx = dx});
  }
  // Weight gradients of all micro-batches meet in the accumulator.
  void BackwardWeight(const BlockRun& r, const void* dy, const void* x) const {
    if (!r.Trains(weight, in * out) && !r.Trains(bias, out)) return;
    r.ops.LinearBackwardWeight(r.stream, {.type = r.type,
                                          .tokens = r.micro.tokens,
                                          .in = in,
                                          .out = out,
                                          .dy = dy,
                                          .x = x,
                                          .dw = r.Gradient(weight),
                                          .dbias = r.Gradient(bias),
                                          .accumulate = r.accumulate});
  }
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_LINEAR_H_
