// The gated delta rule between a short convolution and a gated norm (Yang, Kautz and Hatamizadeh 2024, figure 1):
//
//   q, k, v = silu(conv(x W))     z, b, a = x W     beta = scale sigmoid(b)     g = -exp(A_log) softplus(a + dt_bias)
//   y = (norm(delta rule(q, k, v, g, beta)) silu(z)) Wout
#ifndef HORIZON_LM_CORE_LAYERS_DELTA_RULE_H_
#define HORIZON_LM_CORE_LAYERS_DELTA_RULE_H_

#include "core/layers/body.h"
#include "core/layers/conv.h"
#include "core/layers/delta_part.h"
#include "core/layers/gate.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"

namespace hlm {

class DeltaRuleBody : public Body {
 public:
  DeltaRuleBody(const DeltaRuleSpec& spec, int64_t hidden, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  int64_t Keys() const { return rule_.keys(); }
  int64_t Values() const { return rule_.values(); }
  int64_t Mixed() const { return rule_.width(); }
  int64_t Rows() const { return Mixed() + Values() + 2 * spec_.heads; }  // q, k, v, z, b, a of a token
  // Columns of the product's rows, or of the convolution's, from `place` on.
  MutableView OfRows(const BlockRun& run, void* rows, int64_t place) const;
  void ForwardGates(const BlockRun& run) const;
  void BackwardGates(const BlockRun& run) const;

  DeltaRuleSpec spec_;
  DeltaPart rule_;
  GatePart gating_;  // of the normed result
  LinearPart in_, out_product_;
  ConvPart conv_;
  NormPart norm_;
  struct Weights {  // places of its own weights in the slab; -1: it has none
    int64_t a_log = -1, dt_bias = -1;
  } weights_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t rows = -1, mixed = -1, g = -1, beta = -1, out = -1, normed = -1, gated = -1;
  } saved_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t drows = -1, dmixed = -1, dg = -1, dbeta = -1, dout = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_DELTA_RULE_H_
