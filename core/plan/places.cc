#include "core/plan/places.h"

#include "core/base/checked.h"

namespace hlm {

TensorPlaces StashOf(const Block& block, const Plan& plan, int64_t layer) {
  const Activations policy = plan.activations[static_cast<size_t>(layer)];
  return PlaceSaved(block.declaration(), plan.numerics.compute, plan.sweep_tokens,
                    [&](Remake remake) { return Keeps(policy, remake); });
}

TensorPlaces ScratchOf(const Declaration& declaration, const Plan& plan) {
  return PlaceSaved(declaration, plan.numerics.compute, plan.micro_tokens, [](Remake) { return true; });
}

TensorPlaces TemporariesOf(const Declaration& declaration, const Plan& plan) {
  return PlaceTemporaries(declaration, plan.numerics.compute, plan.micro_tokens, plan.purpose == Purpose::kForward);
}

SidePlaces PlaceSides(const ModelSpec& spec, const Plan& plan) {
  SidePlaces places;
  for (const int64_t elements : spec.sides) {
    places.offsets.push_back(places.total);
    const int64_t row = CheckedMul(elements, static_cast<int64_t>(SizeOf(plan.numerics.compute)));
    places.total = CheckedAdd(places.total, RoundUp(CheckedMul(plan.sweep_tokens, row), 256));
  }
  return places;
}

int64_t LongDocument(const ModelSpec& spec) {
  for (const RopeSpec& rope : spec.ropes) {
    if (rope.kind == RopeSpec::Kind::kLongRope) return rope.original_max_positions;
  }
  return 0;
}

TablePlaces PlaceTables(const ModelSpec& spec, const Plan& plan) {
  TablePlaces tables;
  tables.rows = plan.micro_tokens;
  const auto take = [&](int64_t rows, int64_t width) {
    const int64_t at = tables.total;
    tables.total = CheckedAdd(tables.total, RoundUp(CheckedMul(rows, 4 * width), 256));
    return at;
  };
  const int64_t rows = tables.rows * (LongDocument(spec) > 0 ? 2 : 1);
  for (const RopeSpec& rope : spec.ropes) tables.offsets.push_back(take(rows, rope.dim));
  if (!spec.slopes.empty()) tables.slopes = take(static_cast<int64_t>(spec.slopes.size()), 1);
  for (size_t t = 0; t < spec.temperatures.size(); ++t) tables.temperatures.push_back(take(rows, 1));
  return tables;
}

}  // namespace hlm
