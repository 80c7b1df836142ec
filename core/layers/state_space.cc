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
  conv_ = ConvPart({{"conv", {Mixed()}}}, spec.taps, spec.function, spec.conv_bias, d);
  weights_.a_log = d.Weight("a_log", {spec.heads}, TensorInit::kZero);
  weights_.dt_bias = d.Weight("dt_bias", {spec.heads}, TensorInit::kOne);
  weights_.d = d.Weight("d", {spec.heads}, TensorInit::kOne);
  saved_.rows = d.Saved("z, x, B, C and dt", Rows(), Remake::kProduct);
  saved_.mixed = d.Saved("x, B and C behind the convolution", Mixed(), Remake::kPass);
  saved_.g = d.Saved("decay", spec.heads, Remake::kPass, TokenType::kF32);
  saved_.step = d.Saved("step", spec.heads, Remake::kPass, TokenType::kF32);
  saved_.y = d.Saved("y", Inner(), Remake::kProduct);
  saved_.gated = d.Saved("gated y", Inner(), Remake::kPass);
  if (spec.norm.on()) {
    norm_ = NormPart(spec.norm, {spec.norm_groups, Inner() / spec.norm_groups, true}, "norm", d);
    saved_.normed = d.Saved("normed y", Inner(), Remake::kPass);
  }
  out_.in = Inner(), out_.out = hidden;
  out_.weight = d.Weight("out", {hidden, Inner()}, TensorInit::kNormal);
  if (spec.out_bias) out_.bias = d.Weight("out_bias", {hidden}, TensorInit::kZero);
  temps_.drows = d.Temp("d rows", Rows());
  temps_.dmixed = d.Temp("d mixed", Mixed());
  temps_.dg = d.Temp("d decay", spec.heads, false, TokenType::kF32);
  temps_.dstep = d.Temp("d step", spec.heads, false, TokenType::kF32);
  temps_.dy = d.Temp("d y", Inner());
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
  gating_.Forward(r, OfRows(r, r.Saved(saved_.rows), 0), {up}, {r.Saved(saved_.gated)});
}

void StateSpaceBody::BackwardGate(const BlockRun& r, const void* up) const {
  gating_.Backward(r, OfRows(r, r.Saved(saved_.rows), 0), {up}, {r.Temp(temps_.dy)}, OfRows(r, r.Temp(temps_.drows), 0),
                   {r.Temp(temps_.dy)});
}

void StateSpaceBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void *rows = r.Saved(saved_.rows), *mixed = r.Saved(saved_.mixed);
  if (r.Missing({saved_.rows})) {
    in_.Forward(r, x, nullptr, rows);
    Scale(r, rows);
  }
  if (r.Missing({saved_.mixed}) || conv_.Missing(r)) conv_.Forward(r, OfRows(r, rows, Inner()), {mixed});
  if (r.Missing({saved_.g, saved_.step})) {
    r.ops.DecayGates(r.stream,
                     {.type = r.type,
                      .tokens = r.micro.tokens,
                      .heads = spec_.heads,
                      .least = static_cast<float>(spec_.least_step),
                      .most = spec_.most_step > 0 ? static_cast<float>(spec_.most_step) : std::numeric_limits<float>::infinity(),
                      .a = OfRows(r, rows, Inner() + Mixed()),
                      .b = {},
                      .a_log = r.Weight(weights_.a_log),
                      .dt_bias = r.Weight(weights_.dt_bias),
                      .g = r.Saved<float>(saved_.g),
                      .step = r.Saved<float>(saved_.step)});
  }
  if (r.Missing({saved_.y})) {
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
                                .g = r.Saved<float>(saved_.g),
                                .step = r.Saved<float>(saved_.step),
                                .d = r.Weight(weights_.d),
                                .y = {r.Saved(saved_.y)}});
  }
  const void* last = r.Saved(saved_.gated);
  if (!norm_.on()) {
    if (r.Missing({saved_.gated})) Gate(r, r.Saved(saved_.y));
  } else if (spec_.norm_before_gate) {
    if (r.Missing({saved_.normed}) || norm_.Missing(r)) norm_.Forward(r, {r.Saved(saved_.y)}, {r.Saved(saved_.normed)});
    if (r.Missing({saved_.gated})) Gate(r, r.Saved(saved_.normed));
  } else {
    if (r.Missing({saved_.gated})) Gate(r, r.Saved(saved_.y));
    if (r.Missing({saved_.normed}) || norm_.Missing(r)) norm_.Forward(r, {r.Saved(saved_.gated)}, {r.Saved(saved_.normed)});
    last = r.Saved(saved_.normed);
  }
  if (y != nullptr) out_.Forward(r, last, addend, y);
}

void StateSpaceBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  void *rows = r.Saved(saved_.rows), *mixed = r.Saved(saved_.mixed), *drows = r.Temp(temps_.drows),
       *dmixed = r.Temp(temps_.dmixed), *d = r.Temp(temps_.dy);
  const bool behind = norm_.on() && !spec_.norm_before_gate;
  out_.Backward(r, dy, r.Saved(behind ? saved_.normed : saved_.gated), d);
  if (behind) norm_.Backward(r, {r.Saved(saved_.gated)}, {d}, {}, {d});
  BackwardGate(r, r.Saved(norm_.on() && !behind ? saved_.normed : saved_.y));
  if (norm_.on() && !behind) norm_.Backward(r, {r.Saved(saved_.y)}, {d}, {}, {d});
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
                                      .g = r.Saved<float>(saved_.g),
                                      .step = r.Saved<float>(saved_.step),
                                      .d = r.Weight(weights_.d),
                                      .dy = {d},
                                      .dx = OfMixed(r, dmixed, 0),
                                      .db = OfMixed(r, dmixed, Inner()),
                                      .dc = OfMixed(r, dmixed, Inner() + Shared()),
                                      .dg = r.Temp<float>(temps_.dg),
                                      .dstep = r.Temp<float>(temps_.dstep),
                                      .dd = r.Gradient(weights_.d),
                                      .accumulate = r.accumulate});
  r.ops.DecayGatesBackward(
      r.stream, {.type = r.type,
                 .tokens = r.micro.tokens,
                 .heads = spec_.heads,
                 .least = static_cast<float>(spec_.least_step),
                 .most = spec_.most_step > 0 ? static_cast<float>(spec_.most_step) : std::numeric_limits<float>::infinity(),
                 .a = OfRows(r, rows, Inner() + Mixed()),
                 .b = {},
                 .a_log = r.Weight(weights_.a_log),
                 .dt_bias = r.Weight(weights_.dt_bias),
                 .dg = r.Temp<float>(temps_.dg),
                 .dstep = r.Temp<float>(temps_.dstep),
                 .da = OfRows(r, drows, Inner() + Mixed()),
                 .db = {},
                 .da_log = r.Gradient(weights_.a_log),
                 .ddt_bias = r.Gradient(weights_.dt_bias),
                 .accumulate = r.accumulate});
  conv_.Backward(r, OfRows(r, rows, Inner()), {dmixed}, OfRows(r, drows, Inner()));
  Scale(r, drows);
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
