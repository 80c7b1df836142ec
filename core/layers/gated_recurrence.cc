#include "core/layers/gated_recurrence.h"

#include "core/layers/mlp.h"
#include "core/layers/place.h"

namespace hlm {

GatedRecurrenceBody::Gate GatedRecurrenceBody::DeclareGate(const std::string& name, Declaration& d) const {
  const int64_t width = spec_.channels / spec_.heads;
  Gate gate;
  gate.weight = d.Weight(name, {spec_.heads, width, width}, TensorInit::kNormal);
  gate.bias = d.Weight(name + "_bias", {spec_.heads, width}, TensorInit::kZero);
  gate.made = d.Saved(name, spec_.channels, Remake::kProduct);
  gate.d = d.Temp("d " + name, spec_.channels);
  return gate;
}

GatedRecurrenceBody::GatedRecurrenceBody(const GatedRecurrenceSpec& spec, int64_t hidden, Declaration& d)
    : spec_(spec), gating_{ActFunctionOf(spec.function), spec.channels} {
  const int64_t channels = spec.channels;
  in_.in = hidden, in_.out = 2 * channels;
  in_.weight = d.Weights("in", {{"y", {channels, hidden}}, {"x", {channels, hidden}}});
  in_.bias = d.Weights("in_bias", {{"y_bias", {channels}, TensorInit::kZero}, {"x_bias", {channels}, TensorInit::kZero}});
  conv_ = ConvPart({{"conv", {channels}}}, spec.taps, std::nullopt, true, d);
  saved_.rows = d.Saved("y and x", 2 * channels, Remake::kProduct);
  saved_.mixed = d.Saved("x behind the convolution", channels, Remake::kPass);
  input_ = DeclareGate("input_gate", d);
  decay_ = DeclareGate("decay_gate", d);
  weights_.rate = d.Weight("rate", {channels}, TensorInit::kZero);
  saved_.states = d.Saved("states", channels, Remake::kProduct);
  saved_.gated = d.Saved("gated states", channels, Remake::kPass);
  out_ = {.in = channels, .out = hidden, .weight = d.Weight("out", {hidden, channels}, TensorInit::kNormal)};
  out_.bias = d.Weight("out_bias", {hidden}, TensorInit::kZero);
  temps_.drows = d.Temp("d rows", 2 * channels);
  temps_.dmixed = d.Temp("d mixed", channels);
  temps_.dstates = d.Temp("d states", channels);
}

MutableView GatedRecurrenceBody::OfRows(const BlockRun& r, void* rows, int64_t part) const {
  return Columns(r, rows, 2 * spec_.channels, part * spec_.channels);
}

void GatedRecurrenceBody::ForwardGate(const BlockRun& r, const Gate& gate) const {
  if (!r.Missing({gate.made})) return;
  r.ops.BlockLinear(r.stream, {.type = r.type,
                               .tokens = r.micro.tokens,
                               .heads = spec_.heads,
                               .width = spec_.channels / spec_.heads,
                               .x = {r.Saved(saved_.mixed)},
                               .w = r.Weight(gate.weight),
                               .bias = r.Weight(gate.bias),
                               .y = {r.Saved(gate.made)}});
}

void GatedRecurrenceBody::BackwardGate(const BlockRun& r, const Gate& gate) const {
  r.ops.BlockLinearBackward(r.stream, {.type = r.type,
                                       .tokens = r.micro.tokens,
                                       .heads = spec_.heads,
                                       .width = spec_.channels / spec_.heads,
                                       .x = {r.Saved(saved_.mixed)},
                                       .dy = {r.Temp(gate.d)},
                                       .w = r.Weight(gate.weight),
                                       .addend = {r.Temp(temps_.dmixed)},
                                       .dx = {r.Temp(temps_.dmixed)},
                                       .dw = r.Gradient(gate.weight),
                                       .dbias = r.Gradient(gate.bias),
                                       .accumulate = r.accumulate});
}

void GatedRecurrenceBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void* rows = r.Saved(saved_.rows);
  if (r.Missing({saved_.rows})) in_.Forward(r, x, nullptr, rows);
  if (r.Missing({saved_.mixed})) conv_.Forward(r, OfRows(r, rows, 1), {r.Saved(saved_.mixed)});
  ForwardGate(r, input_);
  ForwardGate(r, decay_);
  if (r.Missing({saved_.states})) {
    r.ops.GatedRecurrence(r.stream, {.type = r.type,
                                     .tokens = r.micro.tokens,
                                     .channels = spec_.channels,
                                     .documents = r.micro.documents,
                                     .x = {r.Saved(saved_.mixed)},
                                     .input = {r.Saved(input_.made)},
                                     .decay = {r.Saved(decay_.made)},
                                     .rate = r.Weight(weights_.rate),
                                     .y = {r.Saved(saved_.states)}});
  }
  if (r.Missing({saved_.gated})) gating_.Forward(r, OfRows(r, rows, 0), {r.Saved(saved_.states)}, {r.Saved(saved_.gated)});
  if (y != nullptr) out_.Forward(r, r.Saved(saved_.gated), addend, y);
}

void GatedRecurrenceBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  void *rows = r.Saved(saved_.rows), *drows = r.Temp(temps_.drows), *dstates = r.Temp(temps_.dstates);
  out_.Backward(r, dy, r.Saved(saved_.gated), dstates);
  gating_.Backward(r, OfRows(r, rows, 0), {r.Saved(saved_.states)}, {dstates}, OfRows(r, drows, 0), {dstates});
  r.ops.GatedRecurrenceBackward(r.stream, {.type = r.type,
                                           .tokens = r.micro.tokens,
                                           .channels = spec_.channels,
                                           .documents = r.micro.documents,
                                           .x = {r.Saved(saved_.mixed)},
                                           .input = {r.Saved(input_.made)},
                                           .decay = {r.Saved(decay_.made)},
                                           .rate = r.Weight(weights_.rate),
                                           .dy = {dstates},
                                           .dx = {r.Temp(temps_.dmixed)},
                                           .dinput = {r.Temp(input_.d)},
                                           .ddecay = {r.Temp(decay_.d)},
                                           .drate = r.Gradient(weights_.rate),
                                           .accumulate = r.accumulate});
  BackwardGate(r, input_);
  BackwardGate(r, decay_);
  conv_.Backward(r, OfRows(r, rows, 1), {r.Temp(temps_.dmixed)}, OfRows(r, drows, 1));
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
