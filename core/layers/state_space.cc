#include "core/layers/state_space.h"

#include <limits>

#include "core/layers/place.h"

namespace hlm {

StateSpaceBody::StateSpaceBody(const StateSpaceSpec& spec, int64_t hidden, Declaration& d)
    : spec_(spec), gating_{ActFunction::kSilu, Inner()} {
  in_.in = hidden, in_.out = Rows();
  in_.weight = d.Weights("in", {{"z", {Inner(), hidden}},
                                {"x", {Inner(), hidden}},
                                {"b", {Shared(), hidden}},
                                {"c", {Shared(), hidden}},
                                {"dt", {spec.heads, hidden}}});
  if (spec.in_bias) in_.bias = d.Weight("in_bias", {Rows()}, TensorInit::kZero);
  conv_ = ConvPart({{"conv", {Mixed()}}}, spec.taps, true, spec.conv_bias, d);
  a_log_ = d.Weight("a_log", {spec.heads}, TensorInit::kZero);
  dt_bias_ = d.Weight("dt_bias", {spec.heads}, TensorInit::kOne);
  d_ = d.Weight("d", {spec.heads}, TensorInit::kOne);
  rows_ = d.Saved("z, x, B, C and dt", Rows(), Remake::kProduct);
  mixed_ = d.Saved("x, B and C behind the convolution", Mixed(), Remake::kPass);
  g_ = d.Saved("decay", spec.heads, Remake::kPass, TokenType::kF32);
  step_ = d.Saved("step", spec.heads, Remake::kPass, TokenType::kF32);
  y_ = d.Saved("y", Inner(), Remake::kProduct);
  gated_ = d.Saved("gated y", Inner(), Remake::kPass);
  if (spec.norm.on()) {
    norm_ = NormPart(spec.norm, {spec.norm_groups, Inner() / spec.norm_groups, true}, "norm", d);
    normed_ = d.Saved("normed y", Inner(), Remake::kPass);
  }
  out_.in = Inner(), out_.out = hidden;
  out_.weight = d.Weight("out", {hidden, Inner()}, TensorInit::kNormal);
  if (spec.out_bias) out_.bias = d.Weight("out_bias", {hidden}, TensorInit::kZero);
  drows_ = d.Temp("d rows", Rows());
  dmixed_ = d.Temp("d mixed", Mixed());
  dg_ = d.Temp("d decay", spec.heads, false, TokenType::kF32);
  dstep_ = d.Temp("d step", spec.heads, false, TokenType::kF32);
  dy_ = d.Temp("d y", Inner());
}

MutableView StateSpaceBody::OfRows(const BlockRun& r, void* rows, int64_t place) const { return Columns(r, rows, Rows(), place); }
MutableView StateSpaceBody::OfMixed(const BlockRun& r, void* mixed, int64_t place) const {
  return Columns(r, mixed, Mixed(), place);
}

void StateSpaceBody::Scale(const BlockRun& r, void* rows) const {
  const int64_t widths[] = {Inner(), Inner(), Shared(), Shared(), spec_.heads};
  int64_t place = 0;
  for (size_t part = 0; part < spec_.scales.size(); ++part) {
    const MutableView view = OfRows(r, rows, place);
    place += widths[part];
    if (spec_.scales[part] == 1) continue;
    r.ops.Activate(r.stream, {.type = r.type,
                              .kind = ActFunction::kScale,
                              .rows = r.micro.tokens,
                              .width = widths[part],
                              .x = view,
                              .up = {},
                              .y = view,
                              .xielu = {},
                              .factor = static_cast<float>(spec_.scales[part])});
  }
}

void StateSpaceBody::Gate(const BlockRun& r, const void* up) const {
  gating_.Forward(r, OfRows(r, r.Saved(rows_), 0), {up}, {r.Saved(gated_)});
}

void StateSpaceBody::BackwardGate(const BlockRun& r, const void* up) const {
  gating_.Backward(r, OfRows(r, r.Saved(rows_), 0), {up}, {r.Temp(dy_)}, OfRows(r, r.Temp(drows_), 0), {r.Temp(dy_)});
}

void StateSpaceBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void *rows = r.Saved(rows_), *mixed = r.Saved(mixed_);
  if (r.Missing({rows_})) {
    in_.Forward(r, x, nullptr, rows);
    Scale(r, rows);
  }
  if (r.Missing({mixed_})) conv_.Forward(r, OfRows(r, rows, Inner()), {mixed});
  if (r.Missing({g_, step_})) {
    r.ops.DecayGates(r.stream,
                     {.type = r.type,
                      .tokens = r.micro.tokens,
                      .heads = spec_.heads,
                      .least = static_cast<float>(spec_.least_step),
                      .most = spec_.most_step > 0 ? static_cast<float>(spec_.most_step) : std::numeric_limits<float>::infinity(),
                      .a = OfRows(r, rows, Inner() + Mixed()),
                      .b = {},
                      .a_log = r.Weight(a_log_),
                      .dt_bias = r.Weight(dt_bias_),
                      .g = r.Saved<float>(g_),
                      .step = r.Saved<float>(step_)});
  }
  if (r.Missing({y_})) {
    r.ops.StateSpace(r.stream, {.type = r.type,
                                .tokens = r.micro.tokens,
                                .heads = spec_.heads,
                                .groups = spec_.groups,
                                .head_dim = spec_.head_dim,
                                .state_dim = spec_.state_dim,
                                .documents = r.micro.documents,
                                .x = OfMixed(r, mixed, 0),
                                .b = OfMixed(r, mixed, Inner()),
                                .c = OfMixed(r, mixed, Inner() + Shared()),
                                .g = r.Saved<float>(g_),
                                .step = r.Saved<float>(step_),
                                .d = r.Weight(d_),
                                .y = {r.Saved(y_)}});
  }
  const void* last = r.Saved(gated_);
  if (!norm_.on()) {
    if (r.Missing({gated_})) Gate(r, r.Saved(y_));
  } else if (spec_.norm_before_gate) {
    if (r.Missing({normed_}) || norm_.Missing(r)) norm_.Forward(r, {r.Saved(y_)}, {r.Saved(normed_)});
    if (r.Missing({gated_})) Gate(r, r.Saved(normed_));
  } else {
    if (r.Missing({gated_})) Gate(r, r.Saved(y_));
    if (r.Missing({normed_}) || norm_.Missing(r)) norm_.Forward(r, {r.Saved(gated_)}, {r.Saved(normed_)});
    last = r.Saved(normed_);
  }
  if (y != nullptr) out_.Forward(r, last, addend, y);
}

void StateSpaceBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  void *rows = r.Saved(rows_), *mixed = r.Saved(mixed_), *drows = r.Temp(drows_), *dmixed = r.Temp(dmixed_), *d = r.Temp(dy_);
  const bool behind = norm_.on() && !spec_.norm_before_gate;
  out_.Backward(r, dy, r.Saved(behind ? normed_ : gated_), d);
  if (behind) norm_.Backward(r, {r.Saved(gated_)}, {d}, {}, {d});
  BackwardGate(r, r.Saved(norm_.on() && !behind ? normed_ : y_));
  if (norm_.on() && !behind) norm_.Backward(r, {r.Saved(y_)}, {d}, {}, {d});
  r.ops.StateSpaceBackward(r.stream, {.type = r.type,
                                      .tokens = r.micro.tokens,
                                      .heads = spec_.heads,
                                      .groups = spec_.groups,
                                      .head_dim = spec_.head_dim,
                                      .state_dim = spec_.state_dim,
                                      .documents = r.micro.documents,
                                      .x = OfMixed(r, mixed, 0),
                                      .b = OfMixed(r, mixed, Inner()),
                                      .c = OfMixed(r, mixed, Inner() + Shared()),
                                      .g = r.Saved<float>(g_),
                                      .step = r.Saved<float>(step_),
                                      .d = r.Weight(d_),
                                      .dy = {d},
                                      .dx = OfMixed(r, dmixed, 0),
                                      .db = OfMixed(r, dmixed, Inner()),
                                      .dc = OfMixed(r, dmixed, Inner() + Shared()),
                                      .dg = r.Temp<float>(dg_),
                                      .dstep = r.Temp<float>(dstep_),
                                      .dd = r.Gradient(d_),
                                      .accumulate = r.accumulate});
  r.ops.DecayGatesBackward(
      r.stream, {.type = r.type,
                 .tokens = r.micro.tokens,
                 .heads = spec_.heads,
                 .least = static_cast<float>(spec_.least_step),
                 .most = spec_.most_step > 0 ? static_cast<float>(spec_.most_step) : std::numeric_limits<float>::infinity(),
                 .a = OfRows(r, rows, Inner() + Mixed()),
                 .b = {},
                 .a_log = r.Weight(a_log_),
                 .dt_bias = r.Weight(dt_bias_),
                 .dg = r.Temp<float>(dg_),
                 .dstep = r.Temp<float>(dstep_),
                 .da = OfRows(r, drows, Inner() + Mixed()),
                 .db = {},
                 .da_log = r.Gradient(a_log_),
                 .ddt_bias = r.Gradient(dt_bias_),
                 .accumulate = r.accumulate});
  conv_.Backward(r, OfRows(r, rows, Inner()), {dmixed}, OfRows(r, drows, Inner()));
  Scale(r, drows);
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
