// The body of per-layer inputs (Gemma 3n and 4): what the embedding made for this layer comes in through a gate.
//
//   g = x Wgate     p = f(g) s     y = p Wup          s: this layer's share of the side
#ifndef HORIZON_LM_CORE_LAYERS_LAYER_INPUT_H_
#define HORIZON_LM_CORE_LAYERS_LAYER_INPUT_H_

#include "core/layers/body.h"
#include "core/layers/gate.h"
#include "core/layers/linear.h"

namespace hlm {

class LayerInputBody : public Body {
 public:
  LayerInputBody(const LayerInputSpec& spec, const ModelSpec& model, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  MutableView Share(const BlockRun& run, void* side) const;

  LayerInputSpec spec_;
  int64_t row_;  // of the side
  GatePart gating_;
  LinearPart gate_, up_;
  int64_t gated_, activated_;   // saved
  int64_t dgate_, dactivated_;  // for a moment
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_LAYER_INPUT_H_
