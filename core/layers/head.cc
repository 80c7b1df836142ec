#include "core/layers/head.h"

#include <algorithm>

#include "core/base/checked.h"

namespace hlm {
namespace {

template <class T>
T* From(T* optional, int64_t row) {
  return optional == nullptr ? nullptr : optional + row;
}

}  // namespace

HeadLayout MakeHeadLayout(const ModelSpec& spec, DType type, int64_t tokens, int64_t chunk, bool backward) {
  const int64_t hidden = spec.hidden, vocab = spec.vocab;
  const bool centered = spec.head.norm.kind == NormType::kLayer;
  HeadLayout h{};
  const int64_t e = static_cast<int64_t>(SizeOf(type));
  const auto take = [&](int64_t bytes) {
    const int64_t at = h.total;
    h.total += RoundUp(bytes, 256);
    return at;
  };
  const int64_t width = spec.head.width > 0 ? spec.head.width : hidden;
  h.wide = take(CheckedMul(tokens, e * hidden));
  h.normed = width == hidden ? h.wide : take(CheckedMul(tokens, e * width));
  h.rstd = take(4 * tokens);
  h.mean = centered ? take(4 * tokens) : h.rstd;
  h.logits = take(CheckedMul(chunk, 4 * vocab));
  h.dwide = backward ? take(CheckedMul(tokens, e * hidden)) : 0;
  h.dnormed = width == hidden || !backward ? h.dwide : take(CheckedMul(tokens, e * width));
  // In f32 the gradient takes the place of the logits.
  h.dlogits = backward && type != DType::kF32 ? take(CheckedMul(chunk, e * vocab)) : h.logits;
  return h;
}

NormCall HeadTemplate::Call(const HeadWeights& w, const MicroView& micro, const HeadGradients& g) const {
  const auto floats = [&](int64_t at) { return reinterpret_cast<float*>(buffers_ + at); };
  return {.type = type_,
          .spec = spec_.head.norm,
          .shape = {.width = spec_.hidden},
          .tokens = micro.tokens,
          .arrays = {.weight = w.norm,
                     .bias = w.norm_bias,
                     .mean = spec_.head.norm.kind == NormType::kLayer ? floats(at_.mean) : nullptr,
                     .rstd = floats(at_.rstd),
                     .dweight = g.norm,
                     .dbias = g.norm_bias,
                     .accumulate = g.accumulate}};
}

void HeadTemplate::Norm(Ops& ops, Stream& stream, const HeadWeights& w, const MicroView& micro, const void* x) const {
  std::byte* wide = buffers_ + at_.wide;
  if (spec_.head.norm.on()) {
    Call(w, micro, {}).Forward(ops, stream, {x}, {wide});
  } else {
    ops.ScaleAdd(stream, {.type = type_, .n = micro.tokens * spec_.hidden, .z = x, .y = wide});
  }
  if (w.product == nullptr) return;
  ops.Linear(stream, {.type = type_,
                      .y_type = type_,
                      .tokens = micro.tokens,
                      .in = spec_.hidden,
                      .out = Width(),
                      .x = wide,
                      .w = w.product,
                      .y = NormedRow(0)});
}

void HeadTemplate::NormBackward(Ops& ops, Stream& stream, const HeadWeights& w, const MicroView& micro, const void* x, void* dx,
                                const HeadGradients& g) const {
  std::byte* dwide = buffers_ + at_.dwide;
  if (w.product != nullptr) {
    ops.LinearBackwardInput(stream, {.type = type_,
                                     .tokens = micro.tokens,
                                     .in = spec_.hidden,
                                     .out = Width(),
                                     .dy = NormedGradientRow(0),
                                     .w = w.product,
                                     .dx = dwide});
    ops.LinearBackwardWeight(stream, {.type = type_,
                                      .tokens = micro.tokens,
                                      .in = spec_.hidden,
                                      .out = Width(),
                                      .dy = NormedGradientRow(0),
                                      .x = buffers_ + at_.wide,
                                      .dw = g.product,
                                      .accumulate = g.accumulate});
  }
  if (spec_.head.norm.on()) {
    Call(w, micro, g).Backward(ops, stream, {x}, {dwide}, {}, {dx});
  } else {
    ops.ScaleAdd(stream, {.type = type_, .n = micro.tokens * spec_.hidden, .z = dwide, .y = dx});
  }
}

const float* HeadTemplate::Product(Ops& ops, Stream& stream, const HeadWeights& w, int64_t row, int64_t rows) const {
  ops.Linear(stream, {.type = type_,
                      .y_type = DType::kF32,
                      .tokens = rows,
                      .in = Width(),
                      .out = spec_.vocab,
                      .x = NormedRow(row),
                      .w = w.matrix,
                      .bias = w.bias,
                      .y = buffers_ + at_.logits});
  return reinterpret_cast<const float*>(buffers_ + at_.logits);
}

const float* HeadTemplate::Logits(Ops& ops, Stream& stream, const HeadWeights& w, int64_t row, int64_t rows) const {
  const float* logits = Product(ops, stream, w, row, rows);
  if (spec_.head.scale == 1 && spec_.head.softcap == 0) return logits;
  ops.CapLogits(stream, {.n = rows * spec_.vocab,
                         .logit_scale = static_cast<float>(spec_.head.scale),
                         .soft_cap = static_cast<float>(spec_.head.softcap),
                         .x = logits,
                         .y = reinterpret_cast<float*>(buffers_ + at_.logits)});
  return logits;
}

void HeadTemplate::Loss(Ops& ops, Stream& stream, const HeadWeights& w, const MicroView& micro) const {
  for (int64_t row = 0; row < micro.tokens; row += chunk_) {
    const int64_t rows = std::min(chunk_, micro.tokens - row);
    const float* logits = Product(ops, stream, w, row, rows);
    ops.CrossEntropy(stream, {.type = type_,
                              .rows = rows,
                              .vocab = spec_.vocab,
                              .logits = logits,
                              .targets = micro.targets + row,
                              .nll = micro.losses + row,
                              .entropies = From(micro.entropies, row),
                              .best = From(micro.best, row),
                              .scale = micro.scale,
                              .logit_scale = static_cast<float>(spec_.head.scale),
                              .soft_cap = static_cast<float>(spec_.head.softcap)});
  }
}

void HeadTemplate::LossAndGradient(Ops& ops, Stream& stream, const HeadWeights& w, const MicroView& micro, const void* x,
                                   void* dx, const HeadGradients& g) const {
  for (int64_t row = 0; row < micro.tokens; row += chunk_) {
    const int64_t rows = std::min(chunk_, micro.tokens - row);
    const float* logits = Product(ops, stream, w, row, rows);
    void* dlogits = buffers_ + at_.dlogits;
    ops.CrossEntropy(stream, {.type = type_,
                              .rows = rows,
                              .vocab = spec_.vocab,
                              .logits = logits,
                              .targets = micro.targets + row,
                              .weights = micro.weights + row,
                              .nll = micro.losses + row,
                              .dlogits = dlogits,
                              .entropy_weights = From(micro.entropy_weights, row),
                              .entropies = From(micro.entropies, row),
                              .best = From(micro.best, row),
                              .scale = micro.scale,
                              .logit_scale = static_cast<float>(spec_.head.scale),
                              .soft_cap = static_cast<float>(spec_.head.softcap)});
    ops.LinearBackwardInput(stream, {.type = type_,
                                     .tokens = rows,
                                     .in = Width(),
                                     .out = spec_.vocab,
                                     .dy = dlogits,
                                     .w = w.matrix,
                                     .dx = NormedGradientRow(row)});
    if (g.matrix == nullptr) continue;
    ops.LinearBackwardWeight(stream, {.type = type_,
                                      .tokens = rows,
                                      .in = Width(),
                                      .out = spec_.vocab,
                                      .dy = dlogits,
                                      .x = NormedRow(row),
                                      .dw = g.matrix,
                                      .dbias = g.bias,
                                      .accumulate = g.accumulate || row > 0});
  }
  NormBackward(ops, stream, w, micro, x, dx, g);
}

}  // namespace hlm
