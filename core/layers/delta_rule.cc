#include "core/layers/delta_rule.h"

#include "core/layers/place.h"

namespace hlm {

DeltaRuleBody::DeltaRuleBody(const DeltaRuleSpec& spec, int64_t hidden, Declaration& d)
    : spec_(spec), rule_{spec.heads, spec.key_heads, spec.key_dim, spec.value_dim}, gating_{ActFunction::kSilu, rule_.values()} {
  in_.in = hidden, in_.out = Rows();
  in_.weight = d.Weights("in", {{"q", {Keys(), hidden}},
                                {"k", {Keys(), hidden}},
                                {"v", {Values(), hidden}},
                                {"z", {Values(), hidden}},
                                {"b", {spec.heads, hidden}},
                                {"a", {spec.heads, hidden}}});
  conv_ = ConvPart({{"conv", {Mixed()}}}, spec.taps, true, false, d);
  a_log_ = d.Weight("a_log", {spec.heads}, TensorInit::kZero);
  dt_bias_ = d.Weight("dt_bias", {spec.heads}, TensorInit::kOne);
  rows_ = d.Saved("q, k, v, z, b and a", Rows(), Remake::kProduct);
  mixed_ = d.Saved("q, k and v behind the convolution", Mixed(), Remake::kPass);
  g_ = d.Saved("decay", spec.heads, Remake::kPass, TokenType::kF32);
  beta_ = d.Saved("beta", spec.heads, Remake::kPass, TokenType::kF32);
  out_ = d.Saved("out", Values(), Remake::kProduct);
  norm_ = NormPart(spec.norm, {spec.heads, spec.value_dim}, "norm", d);
  normed_ = d.Saved("normed out", Values(), Remake::kPass);
  gated_ = d.Saved("gated out", Values(), Remake::kPass);
  out_product_.in = Values(), out_product_.out = hidden;
  out_product_.weight = d.Weight("out", {hidden, Values()}, TensorInit::kNormal);
  drows_ = d.Temp("d rows", Rows());
  dmixed_ = d.Temp("d mixed", Mixed());
  dg_ = d.Temp("d decay", spec.heads, false, TokenType::kF32);
  dbeta_ = d.Temp("d beta", spec.heads, false, TokenType::kF32);
  dout_ = d.Temp("d out", Values());
}

MutableView DeltaRuleBody::OfRows(const BlockRun& r, void* rows, int64_t place) const { return Columns(r, rows, Rows(), place); }

void DeltaRuleBody::ForwardGates(const BlockRun& r) const {
  const int64_t b = Mixed() + Values(), a = b + spec_.heads;
  r.ops.DecayGates(r.stream, {.type = r.type,
                              .tokens = r.micro.tokens,
                              .heads = spec_.heads,
                              .beta_scale = static_cast<float>(spec_.beta_scale),
                              .a = OfRows(r, r.Saved(rows_), a),
                              .b = OfRows(r, r.Saved(rows_), b),
                              .a_log = r.Weight(a_log_),
                              .dt_bias = r.Weight(dt_bias_),
                              .g = r.Saved<float>(g_),
                              .beta = r.Saved<float>(beta_)});
}

void DeltaRuleBody::BackwardGates(const BlockRun& r) const {
  const int64_t b = Mixed() + Values(), a = b + spec_.heads;
  r.ops.DecayGatesBackward(r.stream, {.type = r.type,
                                      .tokens = r.micro.tokens,
                                      .heads = spec_.heads,
                                      .beta_scale = static_cast<float>(spec_.beta_scale),
                                      .a = OfRows(r, r.Saved(rows_), a),
                                      .b = OfRows(r, r.Saved(rows_), b),
                                      .a_log = r.Weight(a_log_),
                                      .dt_bias = r.Weight(dt_bias_),
                                      .dg = r.Temp<float>(dg_),
                                      .dbeta = r.Temp<float>(dbeta_),
                                      .da = OfRows(r, r.Temp(drows_), a),
                                      .db = OfRows(r, r.Temp(drows_), b),
                                      .da_log = r.Gradient(a_log_),
                                      .ddt_bias = r.Gradient(dt_bias_),
                                      .accumulate = r.accumulate});
}

void DeltaRuleBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void *rows = r.Saved(rows_), *mixed = r.Saved(mixed_);
  if (r.Missing({rows_})) in_.Forward(r, x, nullptr, rows);
  if (r.Missing({mixed_})) conv_.Forward(r, OfRows(r, rows, 0), {mixed});
  if (r.Missing({g_, beta_})) ForwardGates(r);
  if (r.Missing({out_})) rule_.Forward(r, mixed, r.Saved<float>(g_), r.Saved<float>(beta_), r.Saved(out_));
  if (r.Missing({normed_}) || norm_.Missing(r)) norm_.Forward(r, {r.Saved(out_)}, {r.Saved(normed_)});
  if (r.Missing({gated_})) gating_.Forward(r, OfRows(r, rows, Mixed()), {r.Saved(normed_)}, {r.Saved(gated_)});
  if (y != nullptr) out_product_.Forward(r, r.Saved(gated_), addend, y);
}

void DeltaRuleBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  void *rows = r.Saved(rows_), *mixed = r.Saved(mixed_), *drows = r.Temp(drows_), *dmixed = r.Temp(dmixed_),
       *dout = r.Temp(dout_);
  out_product_.Backward(r, dy, r.Saved(gated_), dout);
  gating_.Backward(r, OfRows(r, rows, Mixed()), {r.Saved(normed_)}, {dout}, OfRows(r, drows, Mixed()), {dout});
  norm_.Backward(r, {r.Saved(out_)}, {dout}, {}, {dout});
  rule_.Backward(r, mixed, r.Saved<float>(g_), r.Saved<float>(beta_), dout, dmixed, r.Temp<float>(dg_), r.Temp<float>(dbeta_));
  BackwardGates(r);
  conv_.Backward(r, OfRows(r, rows, 0), {dmixed}, OfRows(r, drows, 0));
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
