#include "core/layers/channel_delta.h"

#include "core/layers/place.h"

namespace hlm {

ChannelDeltaBody::ChannelDeltaBody(const ChannelDeltaSpec& spec, int64_t hidden, Declaration& d)
    : spec_(spec),
      rule_{spec.heads, spec.heads, spec.key_dim, spec.value_dim, true},
      gating_{ActFunction::kSigmoid, rule_.values()} {
  in_.in = hidden, in_.out = Rows();
  in_.weight = d.Weights("in", {{"q", {Keys(), hidden}},
                                {"k", {Keys(), hidden}},
                                {"v", {Values(), hidden}},
                                {"b", {spec.heads, hidden}},
                                {"f_a", {spec.rank, hidden}},
                                {"g_a", {spec.rank, hidden}}});
  conv_ = ConvPart({{"q_conv", {Keys()}}, {"k_conv", {Keys()}}, {"v_conv", {Values()}}}, spec.taps, true, false, d);
  decay_product_ = {.in = spec.rank, .out = Keys(), .weight = d.Weight("f_b", {Keys(), spec.rank}, TensorInit::kNormal)};
  gate_product_ = {.in = spec.rank, .out = Values(), .weight = d.Weight("g_b", {Values(), spec.rank}, TensorInit::kNormal)};
  a_log_ = d.Weight("a_log", {spec.heads}, TensorInit::kZero);
  dt_bias_ = d.Weight("dt_bias", {Keys()}, TensorInit::kOne);
  rows_ = d.Saved("q, k, v, b and latents", Rows(), Remake::kProduct);
  decay_latent_ = d.Saved("latent of decays", spec.rank, Remake::kCheap);
  gate_latent_ = d.Saved("latent of the gate", spec.rank, Remake::kCheap);
  raw_ = d.Saved("decays before their function", Keys(), Remake::kProduct);
  gate_ = d.Saved("gate", Values(), Remake::kProduct);
  mixed_ = d.Saved("q, k and v behind the convolution", Mixed(), Remake::kPass);
  g_ = d.Saved("decay", Keys(), Remake::kPass, TokenType::kF32);
  beta_ = d.Saved("beta", spec.heads, Remake::kPass, TokenType::kF32);
  out_ = d.Saved("out", Values(), Remake::kProduct);
  norm_ = NormPart(spec.norm, {spec.heads, spec.value_dim}, "norm", d);
  normed_ = d.Saved("normed out", Values(), Remake::kPass);
  gated_ = d.Saved("gated out", Values(), Remake::kPass);
  out_product_ = {.in = Values(), .out = hidden, .weight = d.Weight("out", {hidden, Values()}, TensorInit::kNormal)};
  drows_ = d.Temp("d rows", Rows());
  dlatent_ = d.Temp("d latent", spec.rank);
  draw_ = d.Temp("d decays before their function", Keys());
  dmixed_ = d.Temp("d mixed", Mixed());
  dg_ = d.Temp("d decay", Keys(), false, TokenType::kF32);
  dbeta_ = d.Temp("d beta", spec.heads, false, TokenType::kF32);
  dout_ = d.Temp("d out", Values());
  dgate_ = d.Temp("d gate", Values());
}

MutableView ChannelDeltaBody::OfRows(const BlockRun& r, void* rows, int64_t place) const {
  return Columns(r, rows, Rows(), place);
}

void ChannelDeltaBody::CopyLatent(const BlockRun& r, const View& from, const MutableView& to) const {
  r.ops.Rotary(r.stream, {.type = r.type,
                          .tokens = r.micro.tokens,
                          .heads = 1,
                          .head_dim = spec_.rank,
                          .x = from,
                          .y = to,
                          .positions = r.micro.positions});
}

void ChannelDeltaBody::BackwardLatent(const BlockRun& r, const LinearPart& product, const void* dy, int64_t latent,
                                      int64_t number) const {
  product.Backward(r, dy, r.Saved(latent), r.Temp(dlatent_));
  CopyLatent(r, {r.Temp(dlatent_)}, OfRows(r, r.Temp(drows_), Latent(number)));
}

void ChannelDeltaBody::ForwardGates(const BlockRun& r) const {
  r.ops.DecayGates(r.stream, {.type = r.type,
                              .tokens = r.micro.tokens,
                              .heads = spec_.heads,
                              .width = spec_.key_dim,
                              .a = {r.Saved(raw_)},
                              .b = OfRows(r, r.Saved(rows_), Mixed()),
                              .a_log = r.Weight(a_log_),
                              .dt_bias = r.Weight(dt_bias_),
                              .g = r.Saved<float>(g_),
                              .beta = r.Saved<float>(beta_)});
}

void ChannelDeltaBody::BackwardGates(const BlockRun& r) const {
  r.ops.DecayGatesBackward(r.stream, {.type = r.type,
                                      .tokens = r.micro.tokens,
                                      .heads = spec_.heads,
                                      .width = spec_.key_dim,
                                      .a = {r.Saved(raw_)},
                                      .b = OfRows(r, r.Saved(rows_), Mixed()),
                                      .a_log = r.Weight(a_log_),
                                      .dt_bias = r.Weight(dt_bias_),
                                      .dg = r.Temp<float>(dg_),
                                      .dbeta = r.Temp<float>(dbeta_),
                                      .da = {r.Temp(draw_)},
                                      .db = OfRows(r, r.Temp(drows_), Mixed()),
                                      .da_log = r.Gradient(a_log_),
                                      .ddt_bias = r.Gradient(dt_bias_),
                                      .accumulate = r.accumulate});
}

void ChannelDeltaBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void *rows = r.Saved(rows_), *mixed = r.Saved(mixed_);
  if (r.Missing({rows_})) in_.Forward(r, x, nullptr, rows);
  if (r.Missing({decay_latent_})) CopyLatent(r, OfRows(r, rows, Latent(0)), {r.Saved(decay_latent_)});
  if (r.Missing({gate_latent_})) CopyLatent(r, OfRows(r, rows, Latent(1)), {r.Saved(gate_latent_)});
  if (r.Missing({raw_})) decay_product_.Forward(r, r.Saved(decay_latent_), nullptr, r.Saved(raw_));
  if (r.Missing({gate_})) gate_product_.Forward(r, r.Saved(gate_latent_), nullptr, r.Saved(gate_));
  if (r.Missing({mixed_})) conv_.Forward(r, OfRows(r, rows, 0), {mixed});
  if (r.Missing({g_, beta_})) ForwardGates(r);
  if (r.Missing({out_})) rule_.Forward(r, mixed, r.Saved<float>(g_), r.Saved<float>(beta_), r.Saved(out_));
  if (r.Missing({normed_}) || norm_.Missing(r)) norm_.Forward(r, {r.Saved(out_)}, {r.Saved(normed_)});
  if (r.Missing({gated_})) gating_.Forward(r, {r.Saved(gate_)}, {r.Saved(normed_)}, {r.Saved(gated_)});
  if (y != nullptr) out_product_.Forward(r, r.Saved(gated_), addend, y);
}

void ChannelDeltaBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  void *rows = r.Saved(rows_), *mixed = r.Saved(mixed_), *drows = r.Temp(drows_), *dmixed = r.Temp(dmixed_),
       *dout = r.Temp(dout_);
  out_product_.Backward(r, dy, r.Saved(gated_), dout);
  gating_.Backward(r, {r.Saved(gate_)}, {r.Saved(normed_)}, {dout}, {r.Temp(dgate_)}, {dout});
  BackwardLatent(r, gate_product_, r.Temp(dgate_), gate_latent_, 1);
  norm_.Backward(r, {r.Saved(out_)}, {dout}, {}, {dout});
  rule_.Backward(r, mixed, r.Saved<float>(g_), r.Saved<float>(beta_), dout, dmixed, r.Temp<float>(dg_), r.Temp<float>(dbeta_));
  BackwardGates(r);
  BackwardLatent(r, decay_product_, r.Temp(draw_), decay_latent_, 0);
  conv_.Backward(r, OfRows(r, rows, 0), {dmixed}, OfRows(r, drows, 0));
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
