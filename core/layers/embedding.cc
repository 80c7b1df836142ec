#include "core/layers/embedding.h"

#include "core/base/dtype.h"

namespace hlm {
namespace {

// A scale that is held in the type of the weights, as transformers holds Gemma's.
float Scale(const EmbeddingSpec& embedding, DType type) {
  const float scale = static_cast<float>(embedding.scale);
  return type == DType::kBF16 && embedding.rounded_scale ? Bf16ToFloat(FloatToBf16(scale)) : scale;
}

}  // namespace

void EmbeddingLayer::Forward(Ops& ops, Stream& stream, const MicroView& micro, const std::byte* weights, void* y) const {
  const auto at = [&](int64_t offset) { return weights + offset * static_cast<int64_t>(SizeOf(type_)); };
  ops.Embedding(stream, {.type = type_,
                         .tokens = micro.tokens,
                         .width = spec_.hidden,
                         .vocab = spec_.vocab,
                         .ids = micro.ids,
                         .table = at(table_),
                         .y = y,
                         .scale = Scale(spec_.embedding, type_)});
  if (positions_ < 0) return;
  ops.Embedding(stream, {.type = type_,
                         .tokens = micro.tokens,
                         .width = spec_.hidden,
                         .vocab = spec_.embedding.positions - spec_.embedding.position_offset,
                         .ids = micro.positions,
                         .table = at(positions_ + spec_.embedding.position_offset * spec_.hidden),
                         .y = y,
                         .addend = y});
}

void EmbeddingLayer::Backward(Ops& ops, Stream& stream, const MicroView& micro, void* dy, float* accumulator) const {
  ops.EmbeddingBackward(stream, {.type = type_,
                                 .tokens = micro.tokens,
                                 .width = spec_.hidden,
                                 .vocab = spec_.vocab,
                                 .ids = micro.ids,
                                 .dy = dy,
                                 .dtable = accumulator + table_,
                                 .scale = Scale(spec_.embedding, type_),
                                 .skip = static_cast<int32_t>(spec_.embedding.pad_token)});
  if (positions_ < 0) return;
  ops.EmbeddingBackward(stream, {.type = type_,
                                 .tokens = micro.tokens,
                                 .width = spec_.hidden,
                                 .vocab = spec_.embedding.positions - spec_.embedding.position_offset,
                                 .ids = micro.positions,
                                 .dy = dy,
                                 .dtable = accumulator + positions_ + spec_.embedding.position_offset * spec_.hidden});
}

}  // namespace hlm
