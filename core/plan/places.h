// Where a block's tensors lie within their ranges of the device arena: what the plan sizes them by, and what a run reads.
#ifndef HORIZON_LM_CORE_PLAN_PLACES_H_
#define HORIZON_LM_CORE_PLAN_PLACES_H_

#include <cstdint>
#include <vector>

#include "core/layers/block.h"
#include "core/plan/plan.h"

namespace hlm {

// What the layer's policy keeps, for a sweep; all that a block saves, for one micro-batch; and what it needs for a moment. Of a block
// that is visited in stages: what goes from one to the next, for a sweep, what a stage saves for itself, and what is kept whatever the
// policy.
TensorPlaces StashOf(const Block& block, const Plan& plan, int64_t layer, bool in_stages = false);
TensorPlaces ScratchOf(const Declaration& declaration, const Plan& plan, bool in_stages = false);
StagePlaces BetweenStagesOf(const Block& block, const Plan& plan, int64_t layer);
TensorPlaces TemporariesOf(const Declaration& declaration, const Plan& plan);

// Byte offsets of the model's sides for a sweep, and their size.
struct SidePlaces {
  std::vector<int64_t> offsets;
  int64_t total = 0;
};
SidePlaces PlaceSides(const ModelSpec& spec, const Plan& plan);

// Which documents are long, and the rows that they have in the tables (plan.h).
void ChooseLongDocuments(const ModelSpec& spec, Plan& plan);

// The tables of the rotary embeddings, of ALiBi's slopes and of queries' temperatures. Where an embedding turns long documents
// otherwise, their rows follow those of the others in each table.
struct TablePlaces {
  std::vector<int64_t> offsets;  // bytes, by embedding
  int64_t slopes = -1;
  std::vector<int64_t> temperatures;  // by temperature
  int64_t total = 0;
  int64_t rows = 0;  // of documents that are not long
};
TablePlaces PlaceTables(const ModelSpec& spec, const Plan& plan);
// The same on the host: rows of long documents alone, where each length has its own.
TablePlaces PlaceLengthTables(const ModelSpec& spec, const Plan& plan);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_PLACES_H_
