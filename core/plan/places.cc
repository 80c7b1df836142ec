#include "core/plan/places.h"

#include "core/base/checked.h"

namespace hlm {

TensorPlaces StashOf(const Block& block, const Plan& plan, int64_t layer) {
  const Activations policy = plan.activations[static_cast<size_t>(layer)];
  return PlaceSaved(block.declaration(), plan.numerics.compute, plan.sweep_tokens, [&](Remake remake) { return Keeps(policy, remake); });
}

TensorPlaces ScratchOf(const Block& block, const Plan& plan) {
  return PlaceSaved(block.declaration(), plan.numerics.compute, plan.micro_tokens, [](Remake) { return true; });
}

TensorPlaces TemporariesOf(const Block& block, const Plan& plan) {
  return PlaceTemporaries(block.declaration(), plan.numerics.compute, plan.micro_tokens, plan.purpose == Purpose::kForward);
}

int64_t LongDocument(const ModelSpec& spec) {
  for (const RopeSpec& rope : spec.ropes) {
    if (rope.kind == RopeSpec::Kind::kLongRope) return rope.original_max_positions;
  }
  return 0;
}

TablePlaces RotaryTables(const ModelSpec& spec, const Plan& plan) {
  TablePlaces tables;
  tables.rows = plan.micro_tokens;
  for (const RopeSpec& rope : spec.ropes) {
    tables.offsets.push_back(tables.total);
    const int64_t bytes = CheckedMul(tables.rows, 4 * rope.dim * (LongDocument(spec) > 0 ? 2 : 1));
    tables.total = CheckedAdd(tables.total, RoundUp(bytes, 256));
  }
  return tables;
}

}  // namespace hlm
