// Of the attention body: the gate behind attention, and the limits of queries, keys and values.
#include "core/layers/attention.h"
#include "core/layers/place.h"

namespace hlm {

// The gate's numbers, or their gradients: columns of the product's rows, or rows of their own.
MutableView AttentionBody::GateRows(const BlockRun& r, void* rows, void* apart) const {
  return Apart() ? MutableView{apart} : Columns(r, rows, RawWidth(), Query());
}

void AttentionBody::ForwardGate(const BlockRun& r, const void* x) const {
  if (r.Missing({saved_.gate_rows})) gate_product_.Forward(r, x, nullptr, r.Saved(saved_.gate_rows));
  if (!r.Missing({saved_.gated})) return;
  const MutableView gate = GateRows(r, r.Saved(saved_.raw), r.Saved(saved_.gate_rows));
  if (spec_.gate_by_head) {
    r.ops.GateHeads(r.stream, {.type = r.type,
                               .tokens = r.micro.tokens,
                               .heads = spec_.heads,
                               .width = spec_.head_dim,
                               .x = r.Saved(saved_.out),
                               .gate = gate.data,
                               .y = r.Saved(saved_.gated)});
    return;
  }
  Gating().Forward(r, gate, {r.Saved(saved_.out)}, {r.Saved(saved_.gated)});
}

void AttentionBody::BackwardGate(const BlockRun& r, const void* dy) const {
  o_.Backward(r, dy, r.Saved(saved_.gated), r.Temp(temps_.dgated));
  const MutableView gate = GateRows(r, r.Saved(saved_.raw), r.Saved(saved_.gate_rows)),
                    dgate = GateRows(r, r.Temp(temps_.dqkv), r.Temp(temps_.dgate_rows));
  if (spec_.gate_by_head) {
    r.ops.GateHeadsBackward(r.stream, {.type = r.type,
                                       .tokens = r.micro.tokens,
                                       .heads = spec_.heads,
                                       .width = spec_.head_dim,
                                       .x = r.Saved(saved_.out),
                                       .gate = gate.data,
                                       .dy = r.Temp(temps_.dgated),
                                       .dx = r.Temp(temps_.dout),
                                       .dgate = dgate.data});
    return;
  }
  Gating().Backward(r, gate, {r.Saved(saved_.out)}, {r.Temp(temps_.dgated)}, dgate, {r.Temp(temps_.dout)});
}

MutableView AttentionBody::Clipped(const BlockRun& r, int64_t place) const {
  return Columns(r, r.Saved(saved_.clipped), Query() + Key(), place);
}

// A result at the limit has no gradient, so the results themselves tell.
void AttentionBody::Clip(const BlockRun& r, int64_t width, const View& x, const MutableView& y) const {
  r.ops.Activate(r.stream, {.type = r.type,
                            .kind = ActFunction::kClip,
                            .rows = r.micro.tokens,
                            .width = width,
                            .x = x,
                            .up = {},
                            .y = y,
                            .xielu = {},
                            .limit = static_cast<float>(spec_.clip)});
}

void AttentionBody::ClipBackward(const BlockRun& r, int64_t width, const View& clipped, const MutableView& d) const {
  r.ops.ActivateBackward(r.stream, {.type = r.type,
                                    .kind = ActFunction::kClip,
                                    .rows = r.micro.tokens,
                                    .width = width,
                                    .x = clipped,
                                    .up = {},
                                    .dy = d,
                                    .dx = d,
                                    .dup = {},
                                    .xielu = {},
                                    .limit = static_cast<float>(spec_.clip)});
}

}  // namespace hlm
