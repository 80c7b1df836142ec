#include "core/plan/places.h"

#include <algorithm>

#include "core/base/checked.h"

namespace hlm {

TensorPlaces StashOf(const Block& block, const Plan& plan, int64_t layer, bool in_stages) {
  const Activations policy = plan.activations[static_cast<size_t>(layer)];
  return PlaceSaved(block.declaration(), plan.numerics.compute, plan.sweep_tokens, [&](const SavedTensor& tensor) {
    return Keeps(policy, tensor.remake) || (in_stages && tensor.stay == Stay::kBackward);
  });
}

TensorPlaces ScratchOf(const Declaration& declaration, const Plan& plan, bool in_stages) {
  // Without a backward pass nothing is kept for it.
  const bool all = !in_stages, forward = plan.purpose == Purpose::kForward;
  return PlaceSaved(declaration, plan.numerics.compute, plan.micro_tokens, [&](const SavedTensor& tensor) {
    return all || tensor.stay == Stay::kStage || (forward && tensor.stay == Stay::kBackward);
  });
}

StagePlaces BetweenStagesOf(const Block& block, const Plan& plan, int64_t layer) {
  const Activations policy = plan.activations[static_cast<size_t>(layer)];
  return PlaceBetweenStages(block.declaration(), plan.numerics.compute, plan.sweep_tokens,
                            [&](Remake remake) { return plan.purpose != Purpose::kForward && Keeps(policy, remake); });
}

TensorPlaces TemporariesOf(const Declaration& declaration, const Plan& plan) {
  return PlaceTemporaries(declaration, plan.numerics.compute, plan.micro_tokens, plan.numerics.head_chunk,
                          plan.purpose == Purpose::kForward);
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

void ChooseLongDocuments(const ModelSpec& spec, Plan& plan) {
  int64_t shared = 0, dynamic = 0;
  for (const RopeSpec& rope : spec.ropes) {
    if (rope.kind == RopeSpec::Kind::kLongRope && shared == 0) shared = rope.original_max_positions;
    if (rope.kind == RopeSpec::Kind::kDynamic && dynamic == 0) dynamic = rope.original_max_positions;
  }
  plan.by_length = dynamic > 0 && plan.micro_tokens > dynamic;
  plan.long_document = !plan.by_length ? shared : shared > 0 ? std::min(shared, dynamic) : dynamic;
  plan.long_rows = plan.long_document == 0 ? 0 : plan.micro_tokens;
  if (!plan.by_length) return;
  // Every length above the limit once, as far as a step's tokens go.
  const auto below = [](int64_t n) { return static_cast<unsigned __int128>(n) * static_cast<unsigned __int128>(n + 1) / 2; };
  const auto lengths = below(plan.micro_tokens) - below(plan.long_document);
  plan.long_rows = lengths < static_cast<unsigned __int128>(plan.step_tokens) ? static_cast<int64_t>(lengths) : plan.step_tokens;
}

namespace {

TablePlaces Tables(const ModelSpec& spec, int64_t rows) {
  TablePlaces tables;
  const auto take = [&](int64_t width) {
    const int64_t at = tables.total;
    tables.total = CheckedAdd(tables.total, RoundUp(CheckedMul(rows, 4 * width), 256));
    return at;
  };
  for (const RopeSpec& rope : spec.ropes) tables.offsets.push_back(take(rope.dim));
  if (!spec.slopes.empty()) {
    tables.slopes = tables.total;
    tables.total = CheckedAdd(tables.total, RoundUp(CheckedMul(4, static_cast<int64_t>(spec.slopes.size())), 256));
  }
  for (size_t t = 0; t < spec.temperatures.size(); ++t) tables.temperatures.push_back(take(1));
  return tables;
}

}  // namespace

TablePlaces PlaceTables(const ModelSpec& spec, const Plan& plan) {
  TablePlaces tables = Tables(spec, plan.micro_tokens + plan.long_rows);
  tables.rows = plan.micro_tokens;
  return tables;
}

TablePlaces PlaceLengthTables(const ModelSpec& spec, const Plan& plan) {
  return plan.by_length ? Tables(spec, plan.long_rows) : TablePlaces{};
}

}  // namespace hlm
