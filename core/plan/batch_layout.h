// Where the arrays of a step's batch lie, on the device and on the host.
#ifndef HORIZON_LM_CORE_PLAN_BATCH_LAYOUT_H_
#define HORIZON_LM_CORE_PLAN_BATCH_LAYOUT_H_

#include <cstdint>

#include "core/base/checked.h"

namespace hlm {

// What goes up before a step and comes down after it: ids, targets, positions, weights, losses [tokens] each, and the offsets of
// each micro-batch's documents (a micro-batch has at least one document, so 2 tokens + 1 offsets are enough). `turns`: rows of
// the rotary tables [tokens], where long documents turn otherwise; else the positions. Behind them, and moved only where they are
// asked for: weights of entropies, entropies, and the best tokens' losses [tokens].
struct BatchLayout {
  int64_t ids, targets, positions, turns, weights, losses, offsets, entropy_weights, entropies, best;
  int64_t total = 0;
};
inline BatchLayout MakeBatchLayout(int64_t tokens, bool long_documents) {
  BatchLayout b{};
  const auto take = [&](int64_t bytes) {
    const int64_t at = b.total;
    b.total += RoundUp(bytes, 256);
    return at;
  };
  b.ids = take(4 * tokens);
  b.targets = take(4 * tokens);
  b.positions = take(4 * tokens);
  b.turns = long_documents ? take(4 * tokens) : b.positions;
  b.weights = take(4 * tokens);
  b.losses = take(4 * tokens);
  b.offsets = take(4 * (2 * tokens + 1));
  b.entropy_weights = take(4 * tokens);
  b.entropies = take(4 * tokens);
  b.best = take(4 * tokens);
  return b;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_BATCH_LAYOUT_H_
