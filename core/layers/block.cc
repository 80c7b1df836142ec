#include "core/layers/block.h"

namespace hlm {

using A = Activation;

void BlockTemplate::Norm(Ops& ops, Stream& stream, const std::byte* weights, int64_t offset, const MicroView& micro, const void* x, void* y,
                         float* rstd) const {
  ops.RmsNorm(stream, {.type = type_,
                       .rows = micro.tokens,
                       .width = spec_.hidden,
                       .epsilon = static_cast<float>(spec_.rms_epsilon),
                       .x = x,
                       .w = Weight(weights, offset),
                       .y = y,
                       .rstd = rstd});
}

// x0 -> n1 -> qkv -> a -> x1
void BlockTemplate::AttentionHalf(Ops& ops, Stream& stream, int64_t layer, const std::byte* weights, const MicroView& micro,
                                  const BlockTensors& t) const {
  Norm(ops, stream, weights, at_.input_norm, micro, t.input, t[A::kInputNorm], t.operator[]<float>(A::kInputRstd));
  ops.Linear(stream, {.type = type_,
                      .y_type = type_,
                      .tokens = micro.tokens,
                      .in = spec_.hidden,
                      .out = spec_.QkvWidth(),
                      .x = t[A::kInputNorm],
                      .w = Weight(weights, at_.qkv),
                      .bias = Weight(weights, at_.qkv_bias),
                      .y = t[A::kQkv]});
  ops.QkRotary(stream, {.type = type_,
                        .tokens = micro.tokens,
                        .heads = spec_.heads,
                        .kv_heads = spec_.kv_heads,
                        .head_dim = spec_.head_dim,
                        .epsilon = static_cast<float>(spec_.rms_epsilon),
                        .qkv = t[A::kQkv],
                        .positions = micro.positions,
                        .table = rotary_,
                        .q_norm = Weight(weights, at_.q_norm),
                        .k_norm = Weight(weights, at_.k_norm),
                        .qk_raw = t[A::kQkRaw],
                        .qk_rstd = t.operator[]<float>(A::kQkRstd)});
  ops.Attention(stream, {.type = type_,
                         .tokens = micro.tokens,
                         .heads = spec_.heads,
                         .kv_heads = spec_.kv_heads,
                         .head_dim = spec_.head_dim,
                         .window = spec_.windows[static_cast<size_t>(layer)],
                         .documents = micro.documents,
                         .qkv = t[A::kQkv],
                         .out = t[A::kAttention],
                         .lse = t.operator[]<float>(A::kLse)});
  ops.Linear(stream, {.type = type_,
                      .y_type = type_,
                      .tokens = micro.tokens,
                      .in = spec_.QueryWidth(),
                      .out = spec_.hidden,
                      .x = t[A::kAttention],
                      .w = Weight(weights, at_.o),
                      .bias = Weight(weights, at_.o_bias),
                      .addend = t.input,
                      .y = t[A::kMiddle]});
}

void BlockTemplate::GateUp(Ops& ops, Stream& stream, const std::byte* weights, const MicroView& micro, const BlockTensors& t) const {
  ops.Linear(stream, {.type = type_,
                      .y_type = type_,
                      .tokens = micro.tokens,
                      .in = spec_.hidden,
                      .out = 2 * spec_.intermediate,
                      .x = t[A::kPostNorm],
                      .w = Weight(weights, at_.gate_up),
                      .bias = Weight(weights, at_.gate_up_bias),
                      .y = t[A::kGateUp]});
}

void BlockTemplate::Product(Ops& ops, Stream& stream, const MicroView& micro, const BlockTensors& t) const {
  ops.SwiGlu(stream, {.type = type_,
                      .tokens = micro.tokens,
                      .width = spec_.intermediate,
                      .gate_up = t[A::kGateUp],
                      .y = t[A::kProduct]});
}

void BlockTemplate::Forward(Ops& ops, Stream& stream, int64_t layer, const std::byte* weights, const MicroView& micro,
                            const BlockTensors& t) const {
  AttentionHalf(ops, stream, layer, weights, micro, t);
  Norm(ops, stream, weights, at_.post_norm, micro, t[A::kMiddle], t[A::kPostNorm], t.operator[]<float>(A::kPostRstd));
  GateUp(ops, stream, weights, micro, t);
  Product(ops, stream, micro, t);
  ops.Linear(stream, {.type = type_,
                      .y_type = type_,
                      .tokens = micro.tokens,
                      .in = spec_.intermediate,
                      .out = spec_.hidden,
                      .x = t[A::kProduct],
                      .w = Weight(weights, at_.down),
                      .bias = Weight(weights, at_.down_bias),
                      .addend = t[A::kMiddle],
                      .y = t.output});
}

void BlockTemplate::Recompute(Ops& ops, Stream& stream, int64_t layer, const std::byte* weights, const MicroView& micro,
                              const BlockTensors& t, Activations policy) const {
  if (policy == Activations::kKeep) return;
  if (policy == Activations::kRecompute) {
    AttentionHalf(ops, stream, layer, weights, micro, t);
  } else {
    Norm(ops, stream, weights, at_.input_norm, micro, t.input, t[A::kInputNorm], t.operator[]<float>(A::kInputRstd));
  }
  Norm(ops, stream, weights, at_.post_norm, micro, t[A::kMiddle], t[A::kPostNorm], t.operator[]<float>(A::kPostRstd));
  if (policy == Activations::kRecompute) GateUp(ops, stream, weights, micro, t);
  Product(ops, stream, micro, t);
}

void BlockTemplate::Backward(Ops& ops, Stream& stream, int64_t layer, const std::byte* weights, const MicroView& micro,
                             const BlockTensors& t, const BlockGradients& g) const {
  using B = BackwardBuffer;
  // One product backward: the input's gradient, then the weight's. Weight gradients of all micro-batches meet in the accumulator.
  const auto linear = [&](int64_t in, int64_t out, const void* dy, const void* x, int64_t weight, int64_t bias, void* dx) {
    ops.LinearBackwardInput(
        stream, {.type = type_, .tokens = micro.tokens, .in = in, .out = out, .dy = dy, .w = Weight(weights, weight), .dx = dx});
    ops.LinearBackwardWeight(stream, {.type = type_,
                                      .tokens = micro.tokens,
                                      .in = in,
                                      .out = out,
                                      .dy = dy,
                                      .x = x,
                                      .dw = g.accumulator + weight,
                                      .dbias = bias < 0 ? nullptr : g.accumulator + bias,
                                      .accumulate = g.accumulate});
  };
  // Back through a norm, added to the gradient that went past it.
  const auto norm = [&](const void* x, int64_t weight, A rstd) {
    ops.RmsNormBackward(stream, {.type = type_,
                                 .rows = micro.tokens,
                                 .width = spec_.hidden,
                                 .x = x,
                                 .w = Weight(weights, weight),
                                 .rstd = t.operator[]<float>(rstd),
                                 .dy = g[B::kNorm],
                                 .residual = g.gradient,
                                 .dx = g.gradient,
                                 .dw = g.accumulator + weight,
                                 .accumulate = g.accumulate});
  };

  linear(spec_.intermediate, spec_.hidden, g.gradient, t[A::kProduct], at_.down, at_.down_bias, g[B::kProduct]);
  ops.SwiGluBackward(stream, {.type = type_,
                              .tokens = micro.tokens,
                              .width = spec_.intermediate,
                              .gate_up = t[A::kGateUp],
                              .dy = g[B::kProduct],
                              .dgate_up = g[B::kGateUp]});
  linear(spec_.hidden, 2 * spec_.intermediate, g[B::kGateUp], t[A::kPostNorm], at_.gate_up, at_.gate_up_bias, g[B::kNorm]);
  norm(t[A::kMiddle], at_.post_norm, A::kPostRstd);

  linear(spec_.QueryWidth(), spec_.hidden, g.gradient, t[A::kAttention], at_.o, at_.o_bias, g[B::kAttention]);
  ops.AttentionBackward(stream, {.type = type_,
                                 .tokens = micro.tokens,
                                 .heads = spec_.heads,
                                 .kv_heads = spec_.kv_heads,
                                 .head_dim = spec_.head_dim,
                                 .window = spec_.windows[static_cast<size_t>(layer)],
                                 .documents = micro.documents,
                                 .qkv = t[A::kQkv],
                                 .out = t[A::kAttention],
                                 .dout = g[B::kAttention],
                                 .lse = t.operator[]<float>(A::kLse),
                                 .dqkv = g[B::kQkv]});
  ops.QkRotaryBackward(stream, {.type = type_,
                                .tokens = micro.tokens,
                                .heads = spec_.heads,
                                .kv_heads = spec_.kv_heads,
                                .head_dim = spec_.head_dim,
                                .dqkv = g[B::kQkv],
                                .positions = micro.positions,
                                .table = rotary_,
                                .q_norm = Weight(weights, at_.q_norm),
                                .k_norm = Weight(weights, at_.k_norm),
                                .qk_raw = t[A::kQkRaw],
                                .qk_rstd = t.operator[]<float>(A::kQkRstd),
                                .dq_norm = at_.q_norm < 0 ? nullptr : g.accumulator + at_.q_norm,
                                .dk_norm = at_.k_norm < 0 ? nullptr : g.accumulator + at_.k_norm,
                                .accumulate = g.accumulate});
  linear(spec_.hidden, spec_.QkvWidth(), g[B::kQkv], t[A::kInputNorm], at_.qkv, at_.qkv_bias, g[B::kNorm]);
  norm(t.input, at_.input_norm, A::kInputRstd);
}

}  // namespace hlm
