#include "core/layers/layer_inputs_part.h"

namespace hlm {

LayerInputsPart::LayerInputsPart(const LayerInputsSpec& spec, int64_t layers, int64_t hidden, Declaration& d) : spec_(spec) {
  const int64_t row = layers * spec.width;  // of the side
  table_ = {.rows = spec.vocab, .width = row, .weight = d.Weight("input_table", {spec.vocab, row}, TensorInit::kNormal)};
  product_ = {.in = hidden, .out = row, .weight = d.Weight("input_product", {row, hidden}, TensorInit::kNormal)};
  norm_ = NormPart(spec.norm, {.heads = layers, .width = spec.width}, "input_norm", d);
  made_ = d.Temp("product of x", row, true);
  dx_ = d.Temp("d x of inputs", hidden);
}

void LayerInputsPart::ScaleSum(const BlockRun& r, void* rows) const {
  const int64_t n = r.micro.tokens * product_.out;
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = n, .scale = static_cast<float>(spec_.sum_scale), .z = rows, .y = rows});
}

void LayerInputsPart::Forward(const BlockRun& r, const void* x) const {
  void* side = r.sides[static_cast<size_t>(spec_.side)];
  product_.Forward(r, x, nullptr, r.Temp(made_));
  norm_.Forward(r, {r.Temp(made_)}, {side});
  ScaleSum(r, side);
  table_.Forward(r, r.micro.ids, TableScale(), side, side);
}

void LayerInputsPart::Backward(const BlockRun& r, const void* x, int32_t skip, void* dx) const {
  void *side = r.sides[static_cast<size_t>(spec_.side)], *dside = r.side_gradients[static_cast<size_t>(spec_.side)];
  table_.Backward(r, r.micro.ids, TableScale(), skip, dside);
  ScaleSum(r, dside);
  // The norm's result, of which only the statistics are wanted, may take the side's place: nobody reads that any more.
  product_.Forward(r, x, nullptr, r.Temp(made_));
  norm_.Forward(r, {r.Temp(made_)}, {side});
  norm_.Backward(r, {r.Temp(made_)}, {dside}, {}, {dside});
  product_.Backward(r, dside, x, r.Temp(dx_));
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * product_.in, .x = dx, .z = r.Temp(dx_), .y = dx});
}

}  // namespace hlm
