#include "core/layers/embedding.h"

#include "core/base/dtype.h"

namespace hlm {

EmbeddingLayer::EmbeddingLayer(const ModelSpec& spec)
    : spec_(spec.embedding),
      vocab_(spec.vocab),
      hidden_(spec.hidden),
      width_(spec.embedding.width > 0 ? spec.embedding.width : spec.hidden),
      layers_(spec.layers()) {
  Declaration& d = declaration_;
  table_ = d.Weight("table", {vocab_, width_}, TensorInit::kNormal);
  if (spec_.positions > 0) positions_ = d.Weight("positions", {spec_.positions, hidden_}, TensorInit::kNormal);
  if (Widens()) {
    product_ = {.in = width_, .out = hidden_, .weight = d.Weight("product", {hidden_, width_}, TensorInit::kNormal)};
    rows_ = d.Temp("rows", width_, true);
    drows_ = d.Temp("d rows", width_);
  }
  if (spec_.norm.on()) {
    norm_ = NormPart(spec_.norm, {.width = hidden_}, "norm", d);
    sum_ = d.Temp("sum", hidden_, true);
  }
  if (inputs_on()) DeclareInputs();
  if (spec_.norm.on() || inputs_on()) again_ = d.Temp("x again", hidden_);
}

void EmbeddingLayer::DeclareInputs() {
  Declaration& d = declaration_;
  const LayerInputsSpec& inputs = spec_.layer_inputs;
  input_table_ = d.Weight("input_table", {inputs.vocab, Inputs()}, TensorInit::kNormal);
  input_product_ = {
      .in = hidden_, .out = Inputs(), .weight = d.Weight("input_product", {Inputs(), hidden_}, TensorInit::kNormal)};
  input_norm_ = NormPart(inputs.norm, {.heads = layers_, .width = inputs.width}, "input_norm", d);
  made_ = d.Temp("product of x", Inputs(), true);
  dx_ = d.Temp("d x of inputs", hidden_);
}

// A scale that is held in the type of the weights, as transformers holds Gemma's.
float EmbeddingLayer::Scale(DType type) const {
  const float scale = static_cast<float>(spec_.scale);
  return type == DType::kBF16 && spec_.rounded_scale ? Bf16ToFloat(FloatToBf16(scale)) : scale;
}

void EmbeddingLayer::LookUp(const BlockRun& r, void* rows) const {
  r.ops.Embedding(r.stream, {.type = r.type,
                             .tokens = r.micro.tokens,
                             .width = width_,
                             .vocab = vocab_,
                             .ids = r.micro.ids,
                             .table = r.Weight(table_),
                             .y = rows,
                             .scale = Scale(r.type)});
}

void EmbeddingLayer::AddPositions(const BlockRun& r, void* x) const {
  if (positions_ < 0) return;
  r.ops.Embedding(r.stream, {.type = r.type,
                             .tokens = r.micro.tokens,
                             .width = hidden_,
                             .vocab = spec_.positions - spec_.position_offset,
                             .ids = r.micro.positions,
                             .table = r.Weight(positions_ + spec_.position_offset * hidden_),
                             .y = x,
                             .addend = x});
}

void EmbeddingLayer::MakeInputs(const BlockRun& r, const void* x) const {
  const LayerInputsSpec& inputs = spec_.layer_inputs;
  void* side = r.sides[static_cast<size_t>(inputs.side)];
  input_product_.Forward(r, x, nullptr, r.Temp(made_));
  input_norm_.Forward(r, {r.Temp(made_)}, {side});
  const int64_t n = r.micro.tokens * Inputs();
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = n, .scale = static_cast<float>(inputs.sum_scale), .z = side, .y = side});
  r.ops.Embedding(r.stream, {.type = r.type,
                             .tokens = r.micro.tokens,
                             .width = Inputs(),
                             .vocab = inputs.vocab,
                             .ids = r.micro.ids,
                             .table = r.Weight(input_table_),
                             .y = side,
                             .scale = static_cast<float>(inputs.sum_scale * inputs.table_scale),
                             .addend = side});
}

void EmbeddingLayer::InputsBackward(const BlockRun& r, void* dy) const {
  const LayerInputsSpec& inputs = spec_.layer_inputs;
  void *side = r.sides[static_cast<size_t>(inputs.side)], *dside = r.side_gradients[static_cast<size_t>(inputs.side)];
  const int64_t n = r.micro.tokens * Inputs();
  if (r.Trains(input_table_, inputs.vocab * Inputs())) {
    r.ops.EmbeddingBackward(r.stream, {.type = r.type,
                                       .tokens = r.micro.tokens,
                                       .width = Inputs(),
                                       .vocab = inputs.vocab,
                                       .ids = r.micro.ids,
                                       .dy = dside,
                                       .dtable = r.Gradient(input_table_),
                                       .scale = static_cast<float>(inputs.sum_scale * inputs.table_scale),
                                       .skip = r.train_pad_row ? -1 : static_cast<int32_t>(spec_.pad_token)});
  }
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = n, .scale = static_cast<float>(inputs.sum_scale), .z = dside, .y = dside});
  // All layers have read the side: the norm's result, of which only the statistics are wanted, may take its place.
  input_product_.Forward(r, r.Temp(again_), nullptr, r.Temp(made_));
  input_norm_.Forward(r, {r.Temp(made_)}, {side});
  input_norm_.Backward(r, {r.Temp(made_)}, {dside}, {}, {dside});
  input_product_.Backward(r, dside, r.Temp(again_), r.Temp(dx_));
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * hidden_, .x = dy, .z = r.Temp(dx_), .y = dy});
}

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
  if (inputs_on()) MakeInputs(r, y);
}

void EmbeddingLayer::MakeX(const BlockRun& r, void* y) const {
  void* sum = norm_.on() ? r.Temp(sum_) : y;
  LookUp(r, Widens() ? r.Temp(rows_) : sum);
  if (Widens()) product_.Forward(r, r.Temp(rows_), nullptr, sum);
  AddPositions(r, sum);
  if (norm_.on()) norm_.Forward(r, {sum}, {y});
}

void EmbeddingLayer::Backward(const BlockRun& r, void* dy) const {
  TakeSide(r, dy);
  if (again_ >= 0) MakeX(r, r.Temp(again_));
  if (inputs_on()) InputsBackward(r, dy);
  if (norm_.on()) {
    norm_.Backward(r, {r.Temp(sum_)}, {dy}, {}, {dy});
  } else if (Widens() && again_ < 0) {
    LookUp(r, r.Temp(rows_));
  }
  const void* drows = dy;
  if (Widens()) {
    product_.Backward(r, dy, r.Temp(rows_), r.Temp(drows_));
    drows = r.Temp(drows_);
  }
  if (r.Trains(table_, table_elements())) {
    r.ops.EmbeddingBackward(r.stream, {.type = r.type,
                                       .tokens = r.micro.tokens,
                                       .width = width_,
                                       .vocab = vocab_,
                                       .ids = r.micro.ids,
                                       .dy = drows,
                                       .dtable = r.Gradient(table_),
                                       .scale = Scale(r.type),
                                       .skip = r.train_pad_row ? -1 : static_cast<int32_t>(spec_.pad_token)});
  }
  if (!r.Trains(positions_, spec_.positions * hidden_)) return;
  r.ops.EmbeddingBackward(r.stream, {.type = r.type,
                                     .tokens = r.micro.tokens,
                                     .width = hidden_,
                                     .vocab = spec_.positions - spec_.position_offset,
                                     .ids = r.micro.positions,
                                     .dy = dy,
                                     .dtable = r.Gradient(positions_ + spec_.position_offset * hidden_)});
}

}  // namespace hlm
