#include "core/layers/embedding.h"

#include "core/base/dtype.h"

namespace hlm {

EmbeddingLayer::EmbeddingLayer(const ModelSpec& spec) : spec_(spec.embedding), hidden_(spec.hidden) {
  Declaration& d = declaration_;
  const int64_t width = spec_.width > 0 ? spec_.width : hidden_;
  table_ = {.rows = spec.vocab, .width = width, .weight = d.Weight("table", {spec.vocab, width}, TensorInit::kNormal)};
  if (spec_.positions > 0) {
    positions_ = {.rows = spec_.positions,
                  .width = hidden_,
                  .weight = d.Weight("positions", {spec_.positions, hidden_}, TensorInit::kNormal),
                  .first = spec_.position_offset};
  }
  if (Widens()) {
    product_ = {.in = width, .out = hidden_, .weight = d.Weight("product", {hidden_, width}, TensorInit::kNormal)};
    temps_.rows = d.Temp("rows", width, true);
    temps_.drows = d.Temp("d rows", width);
  }
  if (spec_.norm.on()) {
    norm_ = NormPart(spec_.norm, {.width = hidden_}, "norm", d);
    temps_.sum = d.Temp("sum", hidden_, true);
  }
  if (spec_.layer_inputs.vocab > 0) inputs_ = LayerInputsPart(spec_.layer_inputs, spec.layers(), hidden_, d);
  if (norm_.on() || inputs_.on()) temps_.x = d.Temp("x again", hidden_);
}

// A scale that is held in the type of the weights, as transformers holds Gemma's.
float EmbeddingLayer::Scale(DType type) const {
  const float scale = static_cast<float>(spec_.scale);
  return type == DType::kBF16 && spec_.rounded_scale ? Bf16ToFloat(FloatToBf16(scale)) : scale;
}

void EmbeddingLayer::LookUp(const BlockRun& r, void* rows) const { table_.Forward(r, r.micro.ids, Scale(r.type), nullptr, rows); }

void EmbeddingLayer::GiveSide(const BlockRun& r, const void* x) const {
  if (spec_.side < 0) return;
  void* side = r.sides[static_cast<size_t>(spec_.side)];
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * hidden_, .z = x, .y = side});
}

void EmbeddingLayer::TakeSide(const BlockRun& r, void* dy) const {
  if (spec_.side < 0) return;
  const void* side = r.side_gradients[static_cast<size_t>(spec_.side)];
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * hidden_, .x = dy, .z = side, .y = dy});
}

void EmbeddingLayer::Forward(const BlockRun& r, void* y) const {
  MakeX(r, y);
  GiveSide(r, y);
  if (inputs_.on()) inputs_.Forward(r, y);
}

void EmbeddingLayer::MakeX(const BlockRun& r, void* y) const {
  void* sum = norm_.on() ? r.Temp(temps_.sum) : y;
  LookUp(r, Widens() ? r.Temp(temps_.rows) : sum);
  if (Widens()) product_.Forward(r, r.Temp(temps_.rows), nullptr, sum);
  if (positions_.on()) positions_.Forward(r, r.micro.positions, 1, sum, sum);
  if (norm_.on()) norm_.Forward(r, {sum}, {y});
}

void EmbeddingLayer::Backward(const BlockRun& r, void* dy) const {
  TakeSide(r, dy);
  const int32_t skip = r.train_pad_row ? -1 : static_cast<int32_t>(spec_.pad_token);
  if (temps_.x >= 0) MakeX(r, r.Temp(temps_.x));
  if (inputs_.on()) inputs_.Backward(r, r.Temp(temps_.x), skip, dy);
  if (norm_.on()) {
    norm_.Backward(r, {r.Temp(temps_.sum)}, {dy}, {}, {dy});
  } else if (Widens() && temps_.x < 0) {
    LookUp(r, r.Temp(temps_.rows));
  }
  const void* drows = dy;
  if (Widens()) {
    product_.Backward(r, dy, r.Temp(temps_.rows), r.Temp(temps_.drows));
    drows = r.Temp(temps_.drows);
  }
  table_.Backward(r, r.micro.ids, Scale(r.type), skip, drows);
  positions_.Backward(r, r.micro.positions, 1, -1, dy);
}

}  // namespace hlm
