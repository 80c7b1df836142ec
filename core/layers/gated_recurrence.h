// Griffin's recurrent block (De and others 2024, section 2.3):
//
//   y, x = u W     x = conv(x)     input, decay = x Winput, x Wdecay, block by block of channels
//   out = (recurrence(x, input, decay) f(y)) Wout
#ifndef HORIZON_LM_CORE_LAYERS_GATED_RECURRENCE_H_
#define HORIZON_LM_CORE_LAYERS_GATED_RECURRENCE_H_

#include "core/layers/body.h"
#include "core/layers/conv.h"
#include "core/layers/gate.h"
#include "core/layers/linear.h"

namespace hlm {

class GatedRecurrenceBody : public Body {
 public:
  GatedRecurrenceBody(const GatedRecurrenceSpec& spec, int64_t hidden, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  struct Gate {
    int64_t weight = -1, bias = -1;
    int64_t made = -1;  // saved
    int64_t d = -1;     // for a moment
  };
  MutableView OfRows(const BlockRun& run, void* rows, int64_t part) const;
  Gate DeclareGate(const std::string& name, Declaration& declaration) const;
  void ForwardGate(const BlockRun& run, const Gate& gate) const;
  void BackwardGate(const BlockRun& run, const Gate& gate) const;  // adds to the gradient of what the gates read

  GatedRecurrenceSpec spec_;
  GatePart gating_;
  LinearPart in_, out_;
  ConvPart conv_;
  Gate input_, decay_;
  struct Weights {  // places of its own weights in the slab; -1: it has none
    int64_t rate = -1;
  } weights_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t rows = -1, mixed = -1, states = -1, gated = -1;
  } saved_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t drows = -1, dmixed = -1, dstates = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_GATED_RECURRENCE_H_
