#include "core/layers/layer_input.h"

#include "core/layers/mlp.h"

namespace hlm {

LayerInputBody::LayerInputBody(const LayerInputSpec& spec, const ModelSpec& model, Declaration& d)
    : spec_(spec), row_(model.sides[static_cast<size_t>(spec.side)]), gating_{ActFunctionOf(spec.function), spec.width} {
  d.Width("hidden_size_per_layer_input", spec.width);
  gate_ = {.in = model.hidden, .out = spec.width, .weight = d.Weight("gate", {spec.width, model.hidden}, TensorInit::kNormal)};
  up_ = {.in = spec.width, .out = model.hidden, .weight = d.Weight("up", {model.hidden, spec.width}, TensorInit::kNormal)};
  gated_ = d.Saved("gate", spec.width, Remake::kProduct);
  activated_ = d.Saved("activated", spec.width, Remake::kPass);
  dgate_ = d.Temp("d gate", spec.width);
  dactivated_ = d.Temp("d activated", spec.width);
}

MutableView LayerInputBody::Share(const BlockRun& r, void* side) const {
  return {static_cast<std::byte*>(side) + r.layer * spec_.width * static_cast<int64_t>(SizeOf(r.type)), row_};
}

void LayerInputBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  if (r.Missing({gated_})) gate_.Forward(r, x, nullptr, r.Saved(gated_));
  if (r.Missing({activated_})) gating_.Forward(r, {r.Saved(gated_)}, Share(r, r.sides[spec_.side]), {r.Saved(activated_)});
  if (y != nullptr) up_.Forward(r, r.Saved(activated_), addend, y);
}

void LayerInputBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  up_.Backward(r, dy, r.Saved(activated_), r.Temp(dactivated_));
  gating_.Backward(r, {r.Saved(gated_)}, Share(r, r.sides[spec_.side]), {r.Temp(dactivated_)}, {r.Temp(dgate_)},
                   Share(r, r.side_gradients[spec_.side]));
  gate_.Backward(r, r.Temp(dgate_), x, dx);
}

}  // namespace hlm
