// Mamba-2's mixer (Dao and Gu 2024, figure 6): a state space between a short convolution and a gated norm.
//
//   z, x, B, C, dt = u W     x, B, C = silu(conv(x, B, C))     step = clamp(softplus(dt + dt_bias))     g = -exp(A_log) step
//   y = norm(state space(x, B, C, g, step) silu(z)) Wout
//
// The norm, over groups of channels, stands behind the gate, before it, or is not there.
#ifndef HORIZON_LM_CORE_LAYERS_STATE_SPACE_H_
#define HORIZON_LM_CORE_LAYERS_STATE_SPACE_H_

#include "core/layers/body.h"
#include "core/layers/conv.h"
#include "core/layers/gate.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"

namespace hlm {

class StateSpaceBody : public Body {
 public:
  StateSpaceBody(const StateSpaceSpec& spec, int64_t hidden, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  int64_t Inner() const { return spec_.heads * spec_.head_dim; }
  int64_t Shared() const { return spec_.groups * spec_.state_dim; }
  int64_t Mixed() const { return Inner() + 2 * Shared(); }
  int64_t Rows() const { return Inner() + Mixed() + spec_.heads; }  // z, x, B, C, dt of a token
  MutableView OfRows(const BlockRun& run, void* rows, int64_t place) const;
  MutableView OfMixed(const BlockRun& run, void* mixed, int64_t place) const;
  // The parts of the rows, or of their gradient, times their factors, where they lie.
  void Scale(const BlockRun& run, void* rows) const;
  void Gate(const BlockRun& run, const void* up) const;
  void BackwardGate(const BlockRun& run, const void* up) const;

  StateSpaceSpec spec_;
  GatePart gating_;
  LinearPart in_, out_;
  ConvPart conv_;
  NormPart norm_;
  struct Weights {  // places of its own weights in the slab; -1: it has none
    int64_t a_log = -1, dt_bias = -1, d = -1;
  } weights_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t rows = -1, mixed = -1, g = -1, step = -1, y = -1, gated = -1, normed = -1;
  } saved_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t drows = -1, dmixed = -1, dg = -1, dstep = -1, dy = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_STATE_SPACE_H_
