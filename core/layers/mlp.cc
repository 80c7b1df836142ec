#include "core/layers/mlp.h"

#include <type_traits>

namespace hlm {
namespace {

// The halves of the rows of a gated product, gate before up; the whole of one that is not gated.
template <class V, class T>
V Half(const MlpSpec& spec, DType type, T* rows, int64_t half) {
  if (!spec.gated) return {rows};
  using Byte = std::conditional_t<std::is_const_v<T>, const std::byte, std::byte>;
  return {static_cast<Byte*>(rows) + half * spec.intermediate * static_cast<int64_t>(SizeOf(type)), 2 * spec.intermediate};
}

}  // namespace

ActFunction ActFunctionOf(Function function) {
  switch (function) {
    case Function::kSilu:
      return ActFunction::kSilu;
    case Function::kGelu:
      return ActFunction::kGelu;
    case Function::kGeluTanh:
      return ActFunction::kGeluTanh;
    case Function::kRelu:
      return ActFunction::kRelu;
    case Function::kRelu2:
      return ActFunction::kReluSquared;
    case Function::kXielu:
      return ActFunction::kXielu;
  }
  return ActFunction::kSilu;
}

MlpBody::MlpBody(const MlpSpec& spec, int64_t hidden, Declaration& d) : spec_(spec) {
  const int64_t i = spec.intermediate, width = spec.gated ? 2 * i : i;
  d.Width("intermediate_size", i);
  in_.in = hidden, in_.out = width;
  if (spec.gated) {
    in_.weight = d.Weights("gate_up", {{"gate", {i, hidden}}, {"up", {i, hidden}}});
    if (spec.in_bias)
      in_.bias = d.Weights("gate_up_bias", {{"gate_bias", {i}, TensorInit::kZero}, {"up_bias", {i}, TensorInit::kZero}});
  } else {
    in_.weight = d.Weight("up", {i, hidden}, TensorInit::kNormal);
    if (spec.in_bias) in_.bias = d.Weight("up_bias", {i}, TensorInit::kZero);
  }
  down_.in = i, down_.out = hidden;
  down_.weight = d.Weight("down", {hidden, i}, TensorInit::kNormal);
  if (spec.out_bias) down_.bias = d.Weight("down_bias", {hidden}, TensorInit::kZero);

  if (spec.function == Function::kXielu) {
    alpha_p_ = d.Weight("alpha_p", {1}, TensorInit::kOne);
    alpha_n_ = d.Weight("alpha_n", {1}, TensorInit::kOne);
    beta_ = d.Number("beta", 0.5);
    epsilon_ = d.Number("epsilon", -1e-6);
  }
  gate_up_ = d.Saved("gate and up", width, Remake::kProduct);
  if (spec.adapter_rank > 0) adapter_ = AdapterPart(hidden, width, spec.adapter_rank, spec.gated ? "gate_up" : "up", d);
  activated_ = d.Saved("activated", i, Remake::kPass);
  dactivated_ = d.Temp("d activated", i);
  dgate_up_ = d.Temp("d gate and up", width);
}

XieluArgs MlpBody::Xielu(const BlockRun& r) const {
  return {.alpha_p = r.Weight(alpha_p_), .alpha_n = r.Weight(alpha_n_), .beta = r.Weight(beta_), .epsilon = r.Weight(epsilon_)};
}

void MlpBody::ScaleGate(const BlockRun& r, void* rows) const {
  if (spec_.gate_scale == 1) return;
  const auto gate = Half<MutableView>(spec_, r.type, rows, 0);
  r.ops.Activate(r.stream, {.type = r.type,
                            .kind = ActFunction::kScale,
                            .rows = r.micro.tokens,
                            .width = spec_.intermediate,
                            .x = gate,
                            .up = {},
                            .y = gate,
                            .xielu = {},
                            .factor = static_cast<float>(spec_.gate_scale)});
}

void MlpBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  if (r.Missing({gate_up_})) {
    in_.Forward(r, x, nullptr, r.Saved(gate_up_));
    if (adapter_.on()) adapter_.Forward(r, x, r.Saved(gate_up_));
    ScaleGate(r, r.Saved(gate_up_));
  }
  if (r.Missing({activated_})) {
    if (SwiGlu()) {
      r.ops.SwiGlu(r.stream, {.type = r.type,
                              .tokens = r.micro.tokens,
                              .width = spec_.intermediate,
                              .gate_up = r.Saved(gate_up_),
                              .y = r.Saved(activated_)});
    } else {
      const void* rows = r.Saved(gate_up_);
      r.ops.Activate(r.stream, {.type = r.type,
                                .kind = ActFunctionOf(spec_.function),
                                .rows = r.micro.tokens,
                                .width = spec_.intermediate,
                                .x = Half<View>(spec_, r.type, rows, 0),
                                .up = spec_.gated ? Half<View>(spec_, r.type, rows, 1) : View{},
                                .y = {r.Saved(activated_)},
                                .xielu = Xielu(r)});
    }
  }
  if (y != nullptr) down_.Forward(r, r.Saved(activated_), addend, y);
}

void MlpBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  down_.Backward(r, dy, r.Saved(activated_), r.Temp(dactivated_));
  if (SwiGlu()) {
    r.ops.SwiGluBackward(r.stream, {.type = r.type,
                                    .tokens = r.micro.tokens,
                                    .width = spec_.intermediate,
                                    .gate_up = r.Saved(gate_up_),
                                    .dy = r.Temp(dactivated_),
                                    .dgate_up = r.Temp(dgate_up_)});
  } else {
    const void* rows = r.Saved(gate_up_);
    void* drows = r.Temp(dgate_up_);
    r.ops.ActivateBackward(r.stream, {.type = r.type,
                                      .kind = ActFunctionOf(spec_.function),
                                      .rows = r.micro.tokens,
                                      .width = spec_.intermediate,
                                      .x = Half<View>(spec_, r.type, rows, 0),
                                      .up = spec_.gated ? Half<View>(spec_, r.type, rows, 1) : View{},
                                      .dy = {r.Temp(dactivated_)},
                                      .dx = Half<MutableView>(spec_, r.type, drows, 0),
                                      .dup = spec_.gated ? Half<MutableView>(spec_, r.type, drows, 1) : MutableView{},
                                      .xielu = Xielu(r),
                                      .dalpha_p = r.Gradient(alpha_p_),
                                      .dalpha_n = r.Gradient(alpha_n_),
                                      .accumulate = r.accumulate});
  }
  ScaleGate(r, r.Temp(dgate_up_));
  in_.Backward(r, r.Temp(dgate_up_), x, dx);
  if (adapter_.on()) adapter_.Backward(r, r.Temp(dgate_up_), x, dx);
}

}  // namespace hlm
