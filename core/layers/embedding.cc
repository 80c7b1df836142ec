#include "core/layers/embedding.h"

namespace hlm {

void EmbeddingLayer::Forward(Ops& ops, Stream& stream, const MicroView& micro, const std::byte* weights, void* y) const {
  ops.Embedding(stream, {.type = type_,
                         .tokens = micro.tokens,
                         .width = spec_.hidden,
                         .vocab = spec_.vocab,
                         .ids = micro.ids,
                         .table = weights + table_ * static_cast<int64_t>(SizeOf(type_)),
                         .y = y});
}

void EmbeddingLayer::Backward(Ops& ops, Stream& stream, const MicroView& micro, void* dy, float* accumulator) const {
  ops.EmbeddingBackward(stream, {.type = type_,
                                 .tokens = micro.tokens,
                                 .width = spec_.hidden,
                                 .vocab = spec_.vocab,
                                 .ids = micro.ids,
                                 .dy = dy,
                                 .dtable = accumulator + table_});
}

}  // namespace hlm
