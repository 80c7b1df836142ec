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
  conv_ = ConvPart({{"conv", {Mixed()}}}, spec.taps, spec.function, false, d);
  weights_.a_log = d.Weight("a_log", {spec.heads}, TensorInit::kZero);
  weights_.dt_bias = d.Weight("dt_bias", {spec.heads}, TensorInit::kOne);
  saved_.rows = d.Saved("q, k, v, z, b and a", Rows(), Remake::kProduct);
  saved_.mixed = d.Saved("q, k and v behind the convolution", Mixed(), Remake::kPass);
  saved_.g = d.Saved("decay", spec.heads, Remake::kPass, TokenType::kF32);
  saved_.beta = d.Saved("beta", spec.heads, Remake::kPass, TokenType::kF32);
  saved_.out = d.Saved("out", Values(), Remake::kProduct);
  norm_ = NormPart(spec.norm, {spec.heads, spec.value_dim}, "norm", d);
  saved_.normed = d.Saved("normed out", Values(), Remake::kPass);
  saved_.gated = d.Saved("gated out", Values(), Remake::kPass);
  out_product_.in = Values(), out_product_.out = hidden;
  out_product_.weight = d.Weight("out", {hidden, Values()}, TensorInit::kNormal);
  temps_.drows = d.Temp("d rows", Rows());
  temps_.dmixed = d.Temp("d mixed", Mixed());
  temps_.dg = d.Temp("d decay", spec.heads, false, TokenType::kF32);
  temps_.dbeta = d.Temp("d beta", spec.heads, false, TokenType::kF32);
  temps_.dout = d.Temp("d out", Values());
}

MutableView DeltaRuleBody::OfRows(const BlockRun& r, void* rows, int64_t place) const { return Columns(r, rows, Rows(), place); }

void DeltaRuleBody::ForwardGates(const BlockRun& r) const {
  const int64_t b = Mixed() + Values(), a = b + spec_.heads;
  r.ops.DecayGates(r.stream, {.type = r.type,
                              .tokens = r.micro.tokens,
                              .heads = spec_.heads,
                              .beta_scale = static_cast<float>(spec_.beta_scale),
                              .a = OfRows(r, r.Saved(saved_.rows), a),
                              .b = OfRows(r, r.Saved(saved_.rows), b),
                              .a_log = r.Weight(weights_.a_log),
                              .dt_bias = r.Weight(weights_.dt_bias),
                              .g = r.Saved<float>(saved_.g),
                              .beta = r.Saved<float>(saved_.beta)});
}

void DeltaRuleBody::BackwardGates(const BlockRun& r) const {
  const int64_t b = Mixed() + Values(), a = b + spec_.heads;
  r.ops.DecayGatesBackward(r.stream, {.type = r.type,
                                      .tokens = r.micro.tokens,
                                      .heads = spec_.heads,
                                      .beta_scale = static_cast<float>(spec_.beta_scale),
                                      .a = OfRows(r, r.Saved(saved_.rows), a),
                                      .b = OfRows(r, r.Saved(saved_.rows), b),
                                      .a_log = r.Weight(weights_.a_log),
                                      .dt_bias = r.Weight(weights_.dt_bias),
                                      .dg = r.Temp<float>(temps_.dg),
                                      .dbeta = r.Temp<float>(temps_.dbeta),
                                      .da = OfRows(r, r.Temp(temps_.drows), a),
                                      .db = OfRows(r, r.Temp(temps_.drows), b),
                                      .da_log = r.Gradient(weights_.a_log),
                                      .ddt_bias = r.Gradient(weights_.dt_bias),
                                      .accumulate = r.accumulate});
}

void DeltaRuleBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void *rows = r.Saved(saved_.rows), *mixed = r.Saved(saved_.mixed);
  if (r.Missing({saved_.rows})) in_.Forward(r, x, nullptr, rows);
  if (r.Missing({saved_.mixed}) || conv_.Missing(r)) conv_.Forward(r, OfRows(r, rows, 0), {mixed});
  if (r.Missing({saved_.g, saved_.beta})) ForwardGates(r);
  if (r.Missing({saved_.out}))
    rule_.Forward(r, mixed, r.Saved<float>(saved_.g), r.Saved<float>(saved_.beta), r.Saved(saved_.out));
  if (r.Missing({saved_.normed}) || norm_.Missing(r)) norm_.Forward(r, {r.Saved(saved_.out)}, {r.Saved(saved_.normed)});
  if (r.Missing({saved_.gated})) gating_.Forward(r, OfRows(r, rows, Mixed()), {r.Saved(saved_.normed)}, {r.Saved(saved_.gated)});
  if (y != nullptr) out_product_.Forward(r, r.Saved(saved_.gated), addend, y);
}

void DeltaRuleBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  void *rows = r.Saved(saved_.rows), *mixed = r.Saved(saved_.mixed), *drows = r.Temp(temps_.drows),
       *dmixed = r.Temp(temps_.dmixed), *dout = r.Temp(temps_.dout);
  out_product_.Backward(r, dy, r.Saved(saved_.gated), dout);
  gating_.Backward(r, OfRows(r, rows, Mixed()), {r.Saved(saved_.normed)}, {dout}, OfRows(r, drows, Mixed()), {dout});
  norm_.Backward(r, {r.Saved(saved_.out)}, {dout}, {}, {dout});
  rule_.Backward(r, mixed, r.Saved<float>(saved_.g), r.Saved<float>(saved_.beta), dout, dmixed, r.Temp<float>(temps_.dg),
                 r.Temp<float>(temps_.dbeta));
  BackwardGates(r);
  conv_.Backward(r, OfRows(r, rows, 0), {dmixed}, OfRows(r, drows, 0));
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
