#include "core/plan/owned.h"

#include "core/base/checked.h"

namespace hlm {

int64_t MostOwned(const Plan& plan) {
  constexpr int64_t kMany = 32;  // ranks: no more than so much is all that is said then
  int64_t most = 0;
  for (const PiecePlan& piece : plan.pieces.all()) {
    if (!plan.sharded || plan.options.processes <= kMany) break;
    EachEntry(plan, piece, [&](const PartPlan& entry) {
      const int64_t elements = entry.end - entry.begin, chunks = CeilDiv(elements, kGradientChunk);
      most += std::min(RoundUp(elements, kStateBlock), CeilDiv(chunks, plan.options.processes) * kGradientChunk);
    });
  }
  if (most > 0) return most;
  for (int64_t rank = 0; rank < (plan.sharded ? plan.options.processes : 1); ++rank) {
    int64_t elements = 0;
    for (const PiecePlan& piece : plan.pieces.all()) {
      EachOwned(plan, piece, rank, [&](const PartPlan& range) { elements += RoundUp(range.end - range.begin, kStateBlock); });
    }
    most = std::max(most, elements);
  }
  return most;
}

}  // namespace hlm
