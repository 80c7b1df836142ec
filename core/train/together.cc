// What the ranks of a group agree on before and behind the work that they share.
#include <cmath>
#include <cstring>

#include "core/train/state.h"

namespace hlm {

Tokens Trainer::State::PrepareTogether(const Batch& batch, Predictions predictions, const char* call) {
  if (engine.all_ranks.alone()) return engine.Prepare(batch, predictions);
  const TokenLimits limits = engine.limits();
  std::optional<Error> own;
  try {
    engine.health.CheckAlive();
    engine.interrupt.CallBegins();
    engine.interrupt.Check();
    if (!batch.ids.empty()) PrepareTokens(batch, limits, Predictions::kUnused);
  } catch (const Error& error) {
    own = error;
  }
  const GroupBatch all = engine.all_ranks.Gather(batch, own, StrCat(call, " behind ", position.Text()));
  return PrepareTokens(all.batch(), limits, predictions);
}

void Trainer::State::ShareNorms(const std::string& same, const std::optional<Error>& own) {
  if (!engine.plan->sharded) return;
  GradientNorms& norms = engine.updater->norms();
  norms.Take(engine.all_ranks.Agree(own, same, own ? "" : norms.Own()));
}

double Trainer::State::AgreeToApply() {
  GradientNorms& norms = engine.updater->norms();
  if (engine.all_ranks.alone()) {
    const double squared_norm = norms.Squared();
    engine.interrupt.Check();
    return squared_norm;
  }
  std::optional<Error> own;
  try {
    engine.interrupt.Check();
  } catch (const Error& error) {
    own = error;
  }
  const std::string same = StrCat("the end of step ", position.steps() + 1, " with lr ", position.NextRate());
  if (engine.plan->sharded) {
    ShareNorms(same, own);
    return norms.Squared();
  }
  // Every process has the same gradient: one with another norm has gone another way.
  const double squared_norm = norms.Squared();
  uint64_t bits;
  std::memcpy(&bits, &squared_norm, sizeof(bits));
  engine.all_ranks.Agree(own, StrCat(same, " and a gradient of norm ", std::sqrt(squared_norm), " (", bits, ")"));
  return squared_norm;
}

}  // namespace hlm
