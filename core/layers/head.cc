#include "core/layers/head.h"

#include <algorithm>

namespace hlm {
namespace {

template <class T>
T* From(T* optional, int64_t row) {
  return optional == nullptr ? nullptr : optional + row;
}

template <class Work>  // work(first row, rows)
void EachChunk(const BlockRun& r, const Work& work) {
  for (int64_t row = 0; row < r.micro.tokens; row += r.head_chunk) work(row, std::min(r.head_chunk, r.micro.tokens - row));
}

}  // namespace

HeadLayer::HeadLayer(const ModelSpec& spec, const EmbeddingLayer& embedding) : spec_(spec.head), hidden_(spec.hidden) {
  Declaration& d = declaration_;
  const int64_t width = spec_.width > 0 ? spec_.width : hidden_;
  norm_ = NormPart(spec_.norm, {.width = hidden_}, "norm", d);
  temps_.wide = temps_.normed = d.Temp("wide", hidden_, true);
  temps_.dwide = temps_.dnormed = d.Temp("d wide", hidden_);
  if (spec_.width > 0) {
    product_ = {.in = hidden_, .out = width, .weight = d.Weight("product", {width, hidden_}, TensorInit::kNormal)};
    temps_.normed = d.Temp("normed", width, true);
    temps_.dnormed = d.Temp("d normed", width);
  }
  matrix_ = {.in = width, .out = spec.vocab};
  matrix_.weight = spec.tied ? kSharedSlab + embedding.table() : d.Weight("matrix", {spec.vocab, width}, TensorInit::kNormal);
  if (spec_.bias) matrix_.bias = d.Weight("bias", {spec.vocab}, TensorInit::kZero);
  temps_.logits = d.ChunkTemp("logits", spec.vocab, true, TokenType::kF32);
  // In f32 the gradient takes the place of the logits.
  temps_.dlogits = d.ChunkTemp("d logits", spec.vocab, false, TokenType::kNarrow);
}

void HeadLayer::Norm(const BlockRun& r, const void* x) const {
  void* wide = r.Temp(temps_.wide);
  if (norm_.on()) {
    norm_.Forward(r, {x}, {wide});
  } else {
    r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * hidden_, .z = x, .y = wide});
  }
  if (product_.weight >= 0) product_.Forward(r, wide, nullptr, r.Temp(temps_.normed));
}

void HeadLayer::NormBackward(const BlockRun& r, const void* x, void* dx) const {
  void* dwide = r.Temp(temps_.dwide);
  if (product_.weight >= 0) product_.Backward(r, r.Temp(temps_.dnormed), r.Temp(temps_.wide), dwide);
  if (norm_.on()) {
    norm_.Backward(r, {x}, {dwide}, {}, {dx});
  } else {
    r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * hidden_, .z = dwide, .y = dx});
  }
}

const float* HeadLayer::Product(const BlockRun& r, int64_t row, int64_t rows) const {
  float* logits = r.Temp<float>(temps_.logits);
  r.ops.Linear(r.stream, {.type = r.type,
                          .y_type = DType::kF32,
                          .tokens = rows,
                          .in = matrix_.in,
                          .out = matrix_.out,
                          .x = Row(r, temps_.normed, row),
                          .w = r.Weight(matrix_.weight),
                          .bias = r.Weight(matrix_.bias),
                          .y = logits});
  return logits;
}

const float* HeadLayer::Logits(const BlockRun& r, int64_t row, int64_t rows) const {
  const float* logits = Product(r, row, rows);
  if (spec_.scale == 1 && spec_.softcap == 0) return logits;
  r.ops.CapLogits(r.stream, {.n = rows * matrix_.out,
                             .logit_scale = static_cast<float>(spec_.scale),
                             .soft_cap = static_cast<float>(spec_.softcap),
                             .x = logits,
                             .y = r.Temp<float>(temps_.logits)});
  return logits;
}

CrossEntropyArgs HeadLayer::LossOf(const BlockRun& r, int64_t row, int64_t rows) const {
  return {.type = r.type,
          .rows = rows,
          .vocab = matrix_.out,
          .logits = Product(r, row, rows),
          .targets = r.micro.targets + row,
          .nll = r.micro.losses + row,
          .entropies = From(r.micro.entropies, row),
          .best = From(r.micro.best, row),
          .scale = r.micro.scale,
          .logit_scale = static_cast<float>(spec_.scale),
          .soft_cap = static_cast<float>(spec_.softcap)};
}

void HeadLayer::Loss(const BlockRun& r) const {
  EachChunk(r, [&](int64_t row, int64_t rows) { r.ops.CrossEntropy(r.stream, LossOf(r, row, rows)); });
}

void HeadLayer::LossAndGradient(const BlockRun& r, const void* x, void* dx) const {
  void* dlogits = r.Temp(r.type == DType::kF32 ? temps_.logits : temps_.dlogits);
  // One product makes the gradients of both.
  const bool trains = r.Trains(matrix_.weight, matrix_.in * matrix_.out) || r.Trains(matrix_.bias, matrix_.out);
  EachChunk(r, [&](int64_t row, int64_t rows) {
    CrossEntropyArgs loss = LossOf(r, row, rows);
    loss.weights = r.micro.weights + row;
    loss.entropy_weights = From(r.micro.entropy_weights, row);
    loss.dlogits = dlogits;
    r.ops.CrossEntropy(r.stream, loss);
    r.ops.LinearBackwardInput(r.stream, {.type = r.type,
                                         .tokens = rows,
                                         .in = matrix_.in,
                                         .out = matrix_.out,
                                         .dy = dlogits,
                                         .w = r.Weight(matrix_.weight),
                                         .dx = Row(r, temps_.dnormed, row)});
    if (!trains) return;
    r.ops.LinearBackwardWeight(r.stream, {.type = r.type,
                                          .tokens = rows,
                                          .in = matrix_.in,
                                          .out = matrix_.out,
                                          .dy = dlogits,
                                          .x = Row(r, temps_.normed, row),
                                          .dw = r.Gradient(matrix_.weight),
                                          .dbias = r.Gradient(matrix_.bias),
                                          .accumulate = r.accumulate || row > 0});
  });
  NormBackward(r, x, dx);
}

}  // namespace hlm
