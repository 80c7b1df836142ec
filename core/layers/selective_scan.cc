#include "core/layers/selective_scan.h"

#include "core/layers/place.h"

namespace hlm {

SelectiveScanBody::SelectiveScanBody(const SelectiveScanSpec& spec, int64_t hidden, Declaration& d)
    : spec_(spec), gating_{ActFunction::kSilu, spec.channels} {
  const int64_t channels = spec.channels;
  in_.in = hidden, in_.out = 2 * channels;
  in_.weight = d.Weights("in", {{"x", {channels, hidden}}, {"z", {channels, hidden}}});
  if (spec.in_bias) in_.bias = d.Weight("in_bias", {2 * channels}, TensorInit::kZero);
  conv_ = ConvPart({{"conv", {channels}}}, spec.taps, spec.function, spec.conv_bias, d);
  choose_ = {
      .in = channels,
      .out = Chosen(),
      .weight = d.Weights("choose",
                          {{"dt", {spec.rank, channels}}, {"b", {spec.state_dim, channels}}, {"c", {spec.state_dim, channels}}})};
  weights_.a_log = d.Weight("a_log", {channels, spec.state_dim}, TensorInit::kZero);
  weights_.dt_bias = d.Weight("dt_bias", {channels}, TensorInit::kOne);
  weights_.d = d.Weight("d", {channels}, TensorInit::kOne);
  saved_.rows = d.Saved("x and z", 2 * channels, Remake::kProduct);
  saved_.mixed = d.Saved("x behind the convolution", channels, Remake::kPass);
  saved_.chosen = d.Saved("dt, B and C", Chosen(), Remake::kProduct);
  dt_norm_ = NormPart(spec.norm, {.width = spec.rank}, "dt_norm", d);
  b_norm_ = NormPart(spec.norm, {.width = spec.state_dim}, "b_norm", d);
  c_norm_ = NormPart(spec.norm, {.width = spec.state_dim}, "c_norm", d);
  saved_.dt = d.Saved("normed dt", spec.rank, Remake::kPass);
  saved_.b = d.Saved("normed B", spec.state_dim, Remake::kPass);
  saved_.c = d.Saved("normed C", spec.state_dim, Remake::kPass);
  step_product_ = {.in = spec.rank, .out = channels, .weight = d.Weight("step", {channels, spec.rank}, TensorInit::kNormal)};
  saved_.steps = d.Saved("steps before their function", channels, Remake::kProduct);
  saved_.y = d.Saved("y", channels, Remake::kProduct);
  saved_.gated = d.Saved("gated y", channels, Remake::kPass);
  out_ = {.in = channels, .out = hidden, .weight = d.Weight("out", {hidden, channels}, TensorInit::kNormal)};
  if (spec.out_bias) out_.bias = d.Weight("out_bias", {hidden}, TensorInit::kZero);
  temps_.drows = d.Temp("d rows", 2 * channels);
  temps_.dmixed = d.Temp("d mixed", channels);
  temps_.dfrom_chosen = d.Temp("d mixed from dt, B and C", channels);
  temps_.dchosen = d.Temp("d dt, B and C", Chosen());
  temps_.ddt = d.Temp("d normed dt", spec.rank);
  temps_.db = d.Temp("d normed B", spec.state_dim);
  temps_.dc = d.Temp("d normed C", spec.state_dim);
  temps_.dsteps = d.Temp("d steps", channels);
  temps_.dy = d.Temp("d y", channels);
}

MutableView SelectiveScanBody::OfChosen(const BlockRun& r, void* chosen, int64_t part) const {
  const int64_t place = part == 0 ? 0 : spec_.rank + (part - 1) * spec_.state_dim;
  return Columns(r, chosen, Chosen(), place);
}

void SelectiveScanBody::ForwardNorms(const BlockRun& r) const {
  void* chosen = r.Saved(saved_.chosen);
  if (r.Missing({saved_.dt}) || dt_norm_.Missing(r)) dt_norm_.Forward(r, OfChosen(r, chosen, 0), {r.Saved(saved_.dt)});
  if (r.Missing({saved_.b}) || b_norm_.Missing(r)) b_norm_.Forward(r, OfChosen(r, chosen, 1), {r.Saved(saved_.b)});
  if (r.Missing({saved_.c}) || c_norm_.Missing(r)) c_norm_.Forward(r, OfChosen(r, chosen, 2), {r.Saved(saved_.c)});
}

void SelectiveScanBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void *rows = r.Saved(saved_.rows), *mixed = r.Saved(saved_.mixed);
  if (r.Missing({saved_.rows})) in_.Forward(r, x, nullptr, rows);
  if (r.Missing({saved_.mixed}) || conv_.Missing(r)) conv_.Forward(r, Columns(r, rows, 2 * spec_.channels, 0), {mixed});
  if (r.Missing({saved_.chosen})) choose_.Forward(r, mixed, nullptr, r.Saved(saved_.chosen));
  ForwardNorms(r);
  if (r.Missing({saved_.steps})) step_product_.Forward(r, r.Saved(saved_.dt), nullptr, r.Saved(saved_.steps));
  if (r.Missing({saved_.y})) {
    r.ops.SelectiveScan(r.stream, {.type = r.type,
                                   .tokens = r.micro.tokens,
                                   .channels = spec_.channels,
                                   .state_dim = spec_.state_dim,
                                   .documents = r.micro.documents,
                                   .x = {mixed},
                                   .dt = {r.Saved(saved_.steps)},
                                   .b = {r.Saved(saved_.b)},
                                   .c = {r.Saved(saved_.c)},
                                   .a_log = r.Weight(weights_.a_log),
                                   .dt_bias = r.Weight(weights_.dt_bias),
                                   .d = r.Weight(weights_.d),
                                   .y = {r.Saved(saved_.y)}});
  }
  if (r.Missing({saved_.gated}))
    gating_.Forward(r, Columns(r, rows, 2 * spec_.channels, spec_.channels), {r.Saved(saved_.y)}, {r.Saved(saved_.gated)});
  if (y != nullptr) out_.Forward(r, r.Saved(saved_.gated), addend, y);
}

void SelectiveScanBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  const int64_t width = 2 * spec_.channels;
  void *rows = r.Saved(saved_.rows), *mixed = r.Saved(saved_.mixed), *drows = r.Temp(temps_.drows),
       *dmixed = r.Temp(temps_.dmixed);
  out_.Backward(r, dy, r.Saved(saved_.gated), r.Temp(temps_.dy));
  gating_.Backward(r, Columns(r, rows, width, spec_.channels), {r.Saved(saved_.y)}, {r.Temp(temps_.dy)},
                   Columns(r, drows, width, spec_.channels), {r.Temp(temps_.dy)});
  r.ops.SelectiveScanBackward(r.stream, {.type = r.type,
                                         .tokens = r.micro.tokens,
                                         .channels = spec_.channels,
                                         .state_dim = spec_.state_dim,
                                         .documents = r.micro.documents,
                                         .x = {mixed},
                                         .dt = {r.Saved(saved_.steps)},
                                         .b = {r.Saved(saved_.b)},
                                         .c = {r.Saved(saved_.c)},
                                         .a_log = r.Weight(weights_.a_log),
                                         .dt_bias = r.Weight(weights_.dt_bias),
                                         .d = r.Weight(weights_.d),
                                         .dy = {r.Temp(temps_.dy)},
                                         .dx = {dmixed},
                                         .ddt = {r.Temp(temps_.dsteps)},
                                         .db = {r.Temp(temps_.db)},
                                         .dc = {r.Temp(temps_.dc)},
                                         .da_log = r.Gradient(weights_.a_log),
                                         .ddt_bias = r.Gradient(weights_.dt_bias),
                                         .dd = r.Gradient(weights_.d),
                                         .accumulate = r.accumulate});
  step_product_.Backward(r, r.Temp(temps_.dsteps), r.Saved(saved_.dt), r.Temp(temps_.ddt));
  void *chosen = r.Saved(saved_.chosen), *dchosen = r.Temp(temps_.dchosen);
  dt_norm_.Backward(r, OfChosen(r, chosen, 0), {r.Temp(temps_.ddt)}, {}, OfChosen(r, dchosen, 0));
  b_norm_.Backward(r, OfChosen(r, chosen, 1), {r.Temp(temps_.db)}, {}, OfChosen(r, dchosen, 1));
  c_norm_.Backward(r, OfChosen(r, chosen, 2), {r.Temp(temps_.dc)}, {}, OfChosen(r, dchosen, 2));
  choose_.Backward(r, dchosen, mixed, r.Temp(temps_.dfrom_chosen));
  r.ops.ScaleAdd(
      r.stream,
      {.type = r.type, .n = r.micro.tokens * spec_.channels, .x = dmixed, .z = r.Temp(temps_.dfrom_chosen), .y = dmixed});
  conv_.Backward(r, Columns(r, rows, width, 0), {dmixed}, Columns(r, drows, width, 0));
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
