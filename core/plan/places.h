// Where a block's tensors lie within their ranges of the device arena: what the plan sizes them by, and what a run reads.
#ifndef HORIZON_LM_CORE_PLAN_PLACES_H_
#define HORIZON_LM_CORE_PLAN_PLACES_H_

#include <cstdint>
#include <vector>

#include "core/layers/block.h"
#include "core/plan/plan.h"

namespace hlm {

// What the layer's policy keeps, for a sweep; all that a block saves, for one micro-batch; and what it needs for a moment.
TensorPlaces StashOf(const Block& block, const Plan& plan, int64_t layer);
TensorPlaces ScratchOf(const Declaration& declaration, const Plan& plan);
TensorPlaces TemporariesOf(const Declaration& declaration, const Plan& plan);

// Byte offsets of the model's sides for a sweep, and their size.
struct SidePlaces {
  std::vector<int64_t> offsets;
  int64_t total = 0;
};
SidePlaces PlaceSides(const ModelSpec& spec, const Plan& plan);

// The tables of the rotary embeddings, of ALiBi's slopes and of queries' temperatures. Where one of them turns long documents otherwise, each has a second table behind its first, and
// positions in long documents count from there.
struct TablePlaces {
  std::vector<int64_t> offsets;  // bytes, by embedding
  int64_t slopes = -1;
  std::vector<int64_t> temperatures;  // by temperature
  int64_t total = 0;
  int64_t rows = 0;  // of one table
};
TablePlaces PlaceTables(const ModelSpec& spec, const Plan& plan);
// Tokens above which a document is long; 0: all documents turn alike.
int64_t LongDocument(const ModelSpec& spec);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_PLACES_H_
