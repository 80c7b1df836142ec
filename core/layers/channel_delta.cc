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
  conv_ = ConvPart({{"q_conv", {Keys()}}, {"k_conv", {Keys()}}, {"v_conv", {Values()}}}, spec.taps, spec.function, false, d);
  decay_product_ = {.in = spec.rank, .out = Keys(), .weight = d.Weight("f_b", {Keys(), spec.rank}, TensorInit::kNormal)};
  gate_product_ = {.in = spec.rank, .out = Values(), .weight = d.Weight("g_b", {Values(), spec.rank}, TensorInit::kNormal)};
  weights_.a_log = d.Weight("a_log", {spec.heads}, TensorInit::kZero);
  weights_.dt_bias = d.Weight("dt_bias", {Keys()}, TensorInit::kOne);
  saved_.rows = d.Saved("q, k, v, b and latents", Rows(), Remake::kProduct);
  saved_.decay_latent = d.Saved("latent of decays", spec.rank, Remake::kCheap);
  saved_.gate_latent = d.Saved("latent of the gate", spec.rank, Remake::kCheap);
  saved_.raw = d.Saved("decays before their function", Keys(), Remake::kProduct);
  saved_.gate = d.Saved("gate", Values(), Remake::kProduct);
  saved_.mixed = d.Saved("q, k and v behind the convolution", Mixed(), Remake::kPass);
  saved_.g = d.Saved("decay", Keys(), Remake::kPass, TokenType::kF32);
  saved_.beta = d.Saved("beta", spec.heads, Remake::kPass, TokenType::kF32);
  saved_.out = d.Saved("out", Values(), Remake::kProduct);
  norm_ = NormPart(spec.norm, {spec.heads, spec.value_dim}, "norm", d);
  saved_.normed = d.Saved("normed out", Values(), Remake::kPass);
  saved_.gated = d.Saved("gated out", Values(), Remake::kPass);
  out_product_ = {.in = Values(), .out = hidden, .weight = d.Weight("out", {hidden, Values()}, TensorInit::kNormal)};
  temps_.drows = d.Temp("d rows", Rows());
  temps_.dlatent = d.Temp("d latent", spec.rank);
  temps_.draw = d.Temp("d decays before their function", Keys());
  temps_.dmixed = d.Temp("d mixed", Mixed());
  temps_.dg = d.Temp("d decay", Keys(), false, TokenType::kF32);
  temps_.dbeta = d.Temp("d beta", spec.heads, false, TokenType::kF32);
  temps_.dout = d.Temp("d out", Values());
  temps_.dgate = d.Temp("d gate", Values());
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
  product.Backward(r, dy, r.Saved(latent), r.Temp(temps_.dlatent));
  CopyLatent(r, {r.Temp(temps_.dlatent)}, OfRows(r, r.Temp(temps_.drows), Latent(number)));
}

void ChannelDeltaBody::ForwardGates(const BlockRun& r) const {
  r.ops.DecayGates(r.stream, {.type = r.type,
                              .tokens = r.micro.tokens,
                              .heads = spec_.heads,
                              .width = spec_.key_dim,
                              .a = {r.Saved(saved_.raw)},
                              .b = OfRows(r, r.Saved(saved_.rows), Mixed()),
                              .a_log = r.Weight(weights_.a_log),
                              .dt_bias = r.Weight(weights_.dt_bias),
                              .g = r.Saved<float>(saved_.g),
                              .beta = r.Saved<float>(saved_.beta)});
}

void ChannelDeltaBody::BackwardGates(const BlockRun& r) const {
  r.ops.DecayGatesBackward(r.stream, {.type = r.type,
                                      .tokens = r.micro.tokens,
                                      .heads = spec_.heads,
                                      .width = spec_.key_dim,
                                      .a = {r.Saved(saved_.raw)},
                                      .b = OfRows(r, r.Saved(saved_.rows), Mixed()),
                                      .a_log = r.Weight(weights_.a_log),
                                      .dt_bias = r.Weight(weights_.dt_bias),
                                      .dg = r.Temp<float>(temps_.dg),
                                      .dbeta = r.Temp<float>(temps_.dbeta),
                                      .da = {r.Temp(temps_.draw)},
                                      .db = OfRows(r, r.Temp(temps_.drows), Mixed()),
                                      .da_log = r.Gradient(weights_.a_log),
                                      .ddt_bias = r.Gradient(weights_.dt_bias),
                                      .accumulate = r.accumulate});
}

void ChannelDeltaBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void *rows = r.Saved(saved_.rows), *mixed = r.Saved(saved_.mixed);
  if (r.Missing({saved_.rows})) in_.Forward(r, x, nullptr, rows);
  if (r.Missing({saved_.decay_latent})) CopyLatent(r, OfRows(r, rows, Latent(0)), {r.Saved(saved_.decay_latent)});
  if (r.Missing({saved_.gate_latent})) CopyLatent(r, OfRows(r, rows, Latent(1)), {r.Saved(saved_.gate_latent)});
  if (r.Missing({saved_.raw})) decay_product_.Forward(r, r.Saved(saved_.decay_latent), nullptr, r.Saved(saved_.raw));
  if (r.Missing({saved_.gate})) gate_product_.Forward(r, r.Saved(saved_.gate_latent), nullptr, r.Saved(saved_.gate));
  if (r.Missing({saved_.mixed}) || conv_.Missing(r)) conv_.Forward(r, OfRows(r, rows, 0), {mixed});
  if (r.Missing({saved_.g, saved_.beta})) ForwardGates(r);
  if (r.Missing({saved_.out}))
    rule_.Forward(r, mixed, r.Saved<float>(saved_.g), r.Saved<float>(saved_.beta), r.Saved(saved_.out));
  if (r.Missing({saved_.normed}) || norm_.Missing(r)) norm_.Forward(r, {r.Saved(saved_.out)}, {r.Saved(saved_.normed)});
  if (r.Missing({saved_.gated})) gating_.Forward(r, {r.Saved(saved_.gate)}, {r.Saved(saved_.normed)}, {r.Saved(saved_.gated)});
  if (y != nullptr) out_product_.Forward(r, r.Saved(saved_.gated), addend, y);
}

void ChannelDeltaBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  void *rows = r.Saved(saved_.rows), *mixed = r.Saved(saved_.mixed), *drows = r.Temp(temps_.drows),
       *dmixed = r.Temp(temps_.dmixed), *dout = r.Temp(temps_.dout);
  out_product_.Backward(r, dy, r.Saved(saved_.gated), dout);
  gating_.Backward(r, {r.Saved(saved_.gate)}, {r.Saved(saved_.normed)}, {dout}, {r.Temp(temps_.dgate)}, {dout});
  BackwardLatent(r, gate_product_, r.Temp(temps_.dgate), saved_.gate_latent, 1);
  norm_.Backward(r, {r.Saved(saved_.out)}, {dout}, {}, {dout});
  rule_.Backward(r, mixed, r.Saved<float>(saved_.g), r.Saved<float>(saved_.beta), dout, dmixed, r.Temp<float>(temps_.dg),
                 r.Temp<float>(temps_.dbeta));
  BackwardGates(r);
  BackwardLatent(r, decay_product_, r.Temp(temps_.draw), saved_.decay_latent, 0);
  conv_.Backward(r, OfRows(r, rows, 0), {dmixed}, OfRows(r, drows, 0));
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
