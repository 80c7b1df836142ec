#include "core/layers/selective_scan.h"

#include "core/layers/place.h"

namespace hlm {

SelectiveScanBody::SelectiveScanBody(const SelectiveScanSpec& spec, int64_t hidden, Declaration& d)
    : spec_(spec), gating_{ActFunction::kSilu, spec.channels} {
  const int64_t channels = spec.channels;
  in_.in = hidden, in_.out = 2 * channels;
  in_.weight = d.Weights("in", {{"x", {channels, hidden}}, {"z", {channels, hidden}}});
  if (spec.in_bias) in_.bias = d.Weight("in_bias", {2 * channels}, TensorInit::kZero);
  conv_ = ConvPart({{"conv", {channels}}}, spec.taps, true, spec.conv_bias, d);
  choose_ = {
      .in = channels,
      .out = Chosen(),
      .weight = d.Weights("choose",
                          {{"dt", {spec.rank, channels}}, {"b", {spec.state_dim, channels}}, {"c", {spec.state_dim, channels}}})};
  a_log_ = d.Weight("a_log", {channels, spec.state_dim}, TensorInit::kZero);
  dt_bias_ = d.Weight("dt_bias", {channels}, TensorInit::kOne);
  d_ = d.Weight("d", {channels}, TensorInit::kOne);
  rows_ = d.Saved("x and z", 2 * channels, Remake::kProduct);
  mixed_ = d.Saved("x behind the convolution", channels, Remake::kPass);
  chosen_ = d.Saved("dt, B and C", Chosen(), Remake::kProduct);
  dt_norm_ = NormPart(spec.norm, {.width = spec.rank}, "dt_norm", d);
  b_norm_ = NormPart(spec.norm, {.width = spec.state_dim}, "b_norm", d);
  c_norm_ = NormPart(spec.norm, {.width = spec.state_dim}, "c_norm", d);
  dt_ = d.Saved("normed dt", spec.rank, Remake::kPass);
  b_ = d.Saved("normed B", spec.state_dim, Remake::kPass);
  c_ = d.Saved("normed C", spec.state_dim, Remake::kPass);
  step_product_ = {.in = spec.rank, .out = channels, .weight = d.Weight("step", {channels, spec.rank}, TensorInit::kNormal)};
  steps_ = d.Saved("steps before their function", channels, Remake::kProduct);
  y_ = d.Saved("y", channels, Remake::kProduct);
  gated_ = d.Saved("gated y", channels, Remake::kPass);
  out_ = {.in = channels, .out = hidden, .weight = d.Weight("out", {hidden, channels}, TensorInit::kNormal)};
  if (spec.out_bias) out_.bias = d.Weight("out_bias", {hidden}, TensorInit::kZero);
  drows_ = d.Temp("d rows", 2 * channels);
  dmixed_ = d.Temp("d mixed", channels);
  dfrom_chosen_ = d.Temp("d mixed from dt, B and C", channels);
  dchosen_ = d.Temp("d dt, B and C", Chosen());
  ddt_ = d.Temp("d normed dt", spec.rank);
  db_ = d.Temp("d normed B", spec.state_dim);
  dc_ = d.Temp("d normed C", spec.state_dim);
  dsteps_ = d.Temp("d steps", channels);
  dy_ = d.Temp("d y", channels);
}

MutableView SelectiveScanBody::OfChosen(const BlockRun& r, void* chosen, int64_t part) const {
  const int64_t place = part == 0 ? 0 : spec_.rank + (part - 1) * spec_.state_dim;
  return Columns(r, chosen, Chosen(), place);
}

void SelectiveScanBody::ForwardNorms(const BlockRun& r) const {
  void* chosen = r.Saved(chosen_);
  if (r.Missing({dt_}) || dt_norm_.Missing(r)) dt_norm_.Forward(r, OfChosen(r, chosen, 0), {r.Saved(dt_)});
  if (r.Missing({b_}) || b_norm_.Missing(r)) b_norm_.Forward(r, OfChosen(r, chosen, 1), {r.Saved(b_)});
  if (r.Missing({c_}) || c_norm_.Missing(r)) c_norm_.Forward(r, OfChosen(r, chosen, 2), {r.Saved(c_)});
}

void SelectiveScanBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void *rows = r.Saved(rows_), *mixed = r.Saved(mixed_);
  if (r.Missing({rows_})) in_.Forward(r, x, nullptr, rows);
  if (r.Missing({mixed_})) conv_.Forward(r, Columns(r, rows, 2 * spec_.channels, 0), {mixed});
  if (r.Missing({chosen_})) choose_.Forward(r, mixed, nullptr, r.Saved(chosen_));
  ForwardNorms(r);
  if (r.Missing({steps_})) step_product_.Forward(r, r.Saved(dt_), nullptr, r.Saved(steps_));
  if (r.Missing({y_})) {
    r.ops.SelectiveScan(r.stream, {.type = r.type,
                                   .tokens = r.micro.tokens,
                                   .channels = spec_.channels,
                                   .state_dim = spec_.state_dim,
                                   .documents = r.micro.documents,
                                   .x = {mixed},
                                   .dt = {r.Saved(steps_)},
                                   .b = {r.Saved(b_)},
                                   .c = {r.Saved(c_)},
                                   .a_log = r.Weight(a_log_),
                                   .dt_bias = r.Weight(dt_bias_),
                                   .d = r.Weight(d_),
                                   .y = {r.Saved(y_)}});
  }
  if (r.Missing({gated_}))
    gating_.Forward(r, Columns(r, rows, 2 * spec_.channels, spec_.channels), {r.Saved(y_)}, {r.Saved(gated_)});
  if (y != nullptr) out_.Forward(r, r.Saved(gated_), addend, y);
}

void SelectiveScanBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  const int64_t width = 2 * spec_.channels;
  void *rows = r.Saved(rows_), *mixed = r.Saved(mixed_), *drows = r.Temp(drows_), *dmixed = r.Temp(dmixed_);
  out_.Backward(r, dy, r.Saved(gated_), r.Temp(dy_));
  gating_.Backward(r, Columns(r, rows, width, spec_.channels), {r.Saved(y_)}, {r.Temp(dy_)},
                   Columns(r, drows, width, spec_.channels), {r.Temp(dy_)});
  r.ops.SelectiveScanBackward(r.stream, {.type = r.type,
                                         .tokens = r.micro.tokens,
                                         .channels = spec_.channels,
                                         .state_dim = spec_.state_dim,
                                         .documents = r.micro.documents,
                                         .x = {mixed},
                                         .dt = {r.Saved(steps_)},
                                         .b = {r.Saved(b_)},
                                         .c = {r.Saved(c_)},
                                         .a_log = r.Weight(a_log_),
                                         .dt_bias = r.Weight(dt_bias_),
                                         .d = r.Weight(d_),
                                         .dy = {r.Temp(dy_)},
                                         .dx = {dmixed},
                                         .ddt = {r.Temp(dsteps_)},
                                         .db = {r.Temp(db_)},
                                         .dc = {r.Temp(dc_)},
                                         .da_log = r.Gradient(a_log_),
                                         .ddt_bias = r.Gradient(dt_bias_),
                                         .dd = r.Gradient(d_),
                                         .accumulate = r.accumulate});
  step_product_.Backward(r, r.Temp(dsteps_), r.Saved(dt_), r.Temp(ddt_));
  void *chosen = r.Saved(chosen_), *dchosen = r.Temp(dchosen_);
  dt_norm_.Backward(r, OfChosen(r, chosen, 0), {r.Temp(ddt_)}, {}, OfChosen(r, dchosen, 0));
  b_norm_.Backward(r, OfChosen(r, chosen, 1), {r.Temp(db_)}, {}, OfChosen(r, dchosen, 1));
  c_norm_.Backward(r, OfChosen(r, chosen, 2), {r.Temp(dc_)}, {}, OfChosen(r, dchosen, 2));
  choose_.Backward(r, dchosen, mixed, r.Temp(dfrom_chosen_));
  r.ops.ScaleAdd(r.stream,
                 {.type = r.type, .n = r.micro.tokens * spec_.channels, .x = dmixed, .z = r.Temp(dfrom_chosen_), .y = dmixed});
  conv_.Backward(r, Columns(r, rows, width, 0), {dmixed}, Columns(r, drows, width, 0));
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
