// Kimi Delta Attention (Kimi Team 2025, section 3): the delta rule with a decay for each channel of the keys.
//
//   q, k, v = silu(conv(x W))     beta = sigmoid(x Wb)     g = -exp(A_log) softplus(x Wfa Wfb + dt_bias)
//   y = (norm(delta rule(q, k, v, g, beta)) sigmoid(x Wga Wgb)) Wout
#ifndef HORIZON_LM_CORE_LAYERS_CHANNEL_DELTA_H_
#define HORIZON_LM_CORE_LAYERS_CHANNEL_DELTA_H_

#include "core/layers/body.h"
#include "core/layers/conv.h"
#include "core/layers/delta_part.h"
#include "core/layers/gate.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"

namespace hlm {

class ChannelDeltaBody : public Body {
 public:
  ChannelDeltaBody(const ChannelDeltaSpec& spec, int64_t hidden, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  int64_t Keys() const { return rule_.keys(); }
  int64_t Values() const { return rule_.values(); }
  int64_t Mixed() const { return rule_.width(); }
  int64_t Rows() const { return Mixed() + spec_.heads + 2 * spec_.rank; }  // q, k, v, b and both latents of a token
  int64_t Latent(int64_t number) const { return Mixed() + spec_.heads + number * spec_.rank; }  // its place in a row
  MutableView OfRows(const BlockRun& run, void* rows, int64_t place) const;
  // A latent between its place in a row and an array of its own, which a product can read.
  void CopyLatent(const BlockRun& run, const View& from, const MutableView& to) const;
  // A latent's product, its gradient: back to the latent's place among the rows'.
  void BackwardLatent(const BlockRun& run, const LinearPart& product, const void* dy, int64_t latent, int64_t number) const;
  void ForwardGates(const BlockRun& run) const;
  void BackwardGates(const BlockRun& run) const;

  ChannelDeltaSpec spec_;
  DeltaPart rule_;
  GatePart gating_;  // of the normed result
  LinearPart in_, decay_product_, gate_product_, out_product_;
  ConvPart conv_;
  NormPart norm_;
  struct Weights {  // places of its own weights in the slab; -1: it has none
    int64_t a_log = -1, dt_bias = -1;
  } weights_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t rows = -1, decay_latent = -1, gate_latent = -1, raw = -1, gate = -1;
    int64_t mixed = -1, g = -1, beta = -1, out = -1, normed = -1, gated = -1;
  } saved_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t drows = -1, dlatent = -1, draw = -1, dmixed = -1, dg = -1, dbeta = -1, dout = -1, dgate = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_CHANNEL_DELTA_H_
