// A gate: y = function(gate) * x, by element.
#ifndef HORIZON_LM_CORE_LAYERS_GATE_H_
#define HORIZON_LM_CORE_LAYERS_GATE_H_

#include "core/layers/run.h"

namespace hlm {

struct GatePart {
  ActFunction function = ActFunction::kSilu;
  int64_t width = 0;  // of a row

  void Forward(const BlockRun& r, const View& gate, const View& x, const MutableView& y) const {
    r.ops.Activate(
        r.stream,
        {.type = r.type, .kind = function, .rows = r.micro.tokens, .width = width, .x = gate, .up = x, .y = y, .xielu = {}});
  }
  // dx may lie in dy's place.
  void Backward(const BlockRun& r, const View& gate, const View& x, const View& dy, const MutableView& dgate,
                const MutableView& dx) const {
    r.ops.ActivateBackward(r.stream, {.type = r.type,
                                      .kind = function,
                                      .rows = r.micro.tokens,
                                      .width = width,
                                      .x = gate,
                                      .up = x,
                                      .dy = dy,
                                      .dx = dgate,
                                      .dup = dx,
                                      .xielu = {}});
  }
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_GATE_H_
