#include "core/layers/mlp.h"

namespace hlm {

MlpBody::MlpBody(const MlpSpec& spec, int64_t hidden, Declaration& d) : spec_(spec) {
  const int64_t i = spec.intermediate, width = spec.gated ? 2 * i : i;
  in_.in = hidden, in_.out = width;
  if (spec.gated) {
    in_.weight = d.Weights("gate_up", {{"gate", {i, hidden}}, {"up", {i, hidden}}});
    if (spec.in_bias) in_.bias = d.Weights("gate_up_bias", {{"gate_bias", {i}, TensorInit::kZero}, {"up_bias", {i}, TensorInit::kZero}});
  } else {
    in_.weight = d.Weight("up", {i, hidden}, TensorInit::kNormal);
    if (spec.in_bias) in_.bias = d.Weight("up_bias", {i}, TensorInit::kZero);
  }
  down_.in = i, down_.out = hidden;
  down_.weight = d.Weight("down", {hidden, i}, TensorInit::kNormal);
  if (spec.out_bias) down_.bias = d.Weight("down_bias", {hidden}, TensorInit::kZero);

  gate_up_ = d.Saved("gate and up", width, Remake::kProduct);
  product_ = d.Saved("product", i, Remake::kPass);
  dproduct_ = d.Temp("d product", i);
  dgate_up_ = d.Temp("d gate and up", width);
}

void MlpBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  if (r.Missing({gate_up_})) in_.Forward(r, x, nullptr, r.Saved(gate_up_));
  if (r.Missing({product_})) {
    r.ops.SwiGlu(r.stream, {.type = r.type,
                            .tokens = r.micro.tokens,
                            .width = spec_.intermediate,
                            .gate_up = r.Saved(gate_up_),
                            .y = r.Saved(product_)});
  }
  if (y != nullptr) down_.Forward(r, r.Saved(product_), addend, y);
}

void MlpBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  down_.Backward(r, dy, r.Saved(product_), r.Temp(dproduct_));
  r.ops.SwiGluBackward(r.stream, {.type = r.type,
                                  .tokens = r.micro.tokens,
                                  .width = spec_.intermediate,
                                  .gate_up = r.Saved(gate_up_),
                                  .dy = r.Temp(dproduct_),
                                  .dgate_up = r.Temp(dgate_up_)});
  in_.Backward(r, r.Temp(dgate_up_), x, dx);
}

}  // namespace hlm
