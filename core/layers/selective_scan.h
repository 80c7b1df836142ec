// Mamba's mixer (Gu and Dao 2023, figure 3), with Jamba's norms of step, B and C:
//
//   x, z = u W     x = silu(conv(x))     dt, B, C = x Wx     dt, B, C = norm(dt), norm(B), norm(C)
//   y = (selective scan(x, dt Wdt, B, C) silu(z)) Wout
#ifndef HORIZON_LM_CORE_LAYERS_SELECTIVE_SCAN_H_
#define HORIZON_LM_CORE_LAYERS_SELECTIVE_SCAN_H_

#include "core/layers/body.h"
#include "core/layers/conv.h"
#include "core/layers/gate.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"

namespace hlm {

class SelectiveScanBody : public Body {
 public:
  SelectiveScanBody(const SelectiveScanSpec& spec, int64_t hidden, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  int64_t Chosen() const { return spec_.rank + 2 * spec_.state_dim; }  // dt, B and C of a token
  // The columns of dt (0), B (1) or C (2).
  MutableView OfChosen(const BlockRun& run, void* chosen, int64_t part) const;
  void ForwardNorms(const BlockRun& run) const;

  SelectiveScanSpec spec_;
  GatePart gating_;
  LinearPart in_, choose_, step_product_, out_;
  ConvPart conv_;
  NormPart dt_norm_, b_norm_, c_norm_;
  struct Weights {  // places of its own weights in the slab; -1: it has none
    int64_t a_log = -1, dt_bias = -1, d = -1;
  } weights_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t rows = -1, mixed = -1, chosen = -1, dt = -1, b = -1, c = -1, steps = -1, y = -1, gated = -1;
  } saved_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t drows = -1, dmixed = -1, dfrom_chosen = -1, dchosen = -1, ddt = -1, db = -1, dc = -1, dsteps = -1, dy = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_SELECTIVE_SCAN_H_
