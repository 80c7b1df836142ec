// A table of rows that are looked up: where it lies, forward and backward.
#ifndef HORIZON_LM_CORE_LAYERS_TABLE_H_
#define HORIZON_LM_CORE_LAYERS_TABLE_H_

#include <cstdint>

#include "core/layers/run.h"

namespace hlm {

struct TablePart {
  int64_t rows = 0, width = 0;
  int64_t weight = -1;  // offset in the slab
  int64_t first = 0;    // the row of id 0

  bool on() const { return rows > 0; }
  int64_t elements() const { return rows * width; }

  // y = scale * rows of the ids + addend, which may be null or y.
  void Forward(const BlockRun& r, const int32_t* ids, float scale, const void* addend, void* y) const {
    r.ops.Embedding(r.stream, {.type = r.type,
                               .tokens = r.micro.tokens,
                               .width = width,
                               .vocab = rows - first,
                               .ids = ids,
                               .table = r.Weight(weight + first * width),
                               .y = y,
                               .scale = scale,
                               .addend = addend});
  }
  // Adds to what the accumulator holds. The row of the id `skip` gets nothing; -1: all do.
  void Backward(const BlockRun& r, const int32_t* ids, float scale, int32_t skip, const void* dy) const {
    if (!r.Trains(weight, elements())) return;
    r.ops.EmbeddingBackward(r.stream, {.type = r.type,
                                       .tokens = r.micro.tokens,
                                       .width = width,
                                       .vocab = rows - first,
                                       .ids = ids,
                                       .dy = dy,
                                       .dtable = r.Gradient(weight + first * width),
                                       .scale = scale,
                                       .skip = skip});
  }
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_TABLE_H_
