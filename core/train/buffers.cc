#include "core/train/buffers.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace hlm {

DeviceBuffers::DeviceBuffers(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, const DevicePlan& device,
                             std::byte* arena)
    : spec_(spec),
      layout_(layout),
      plan_(plan),
      arena_(arena),
      range_(device.arena),
      staging_(device.staging),
      table_places_(PlaceTables(spec, plan)),
      side_places_(PlaceSides(spec, plan)) {
  row_bytes_ = spec.hidden * static_cast<int64_t>(plan.WeightBytes());
  block_input_bytes_ = RoundUp(plan.sweep_tokens * row_bytes_, 256);
  boundaries_ = range_.block_inputs.bytes / block_input_bytes_;
  int64_t start = 0;
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    const bool stages = VisitsOf(layout, plan.pieces, layer) > 1;
    stash_.push_back(StashOf(layout.block(layer), plan, layer, stages));
    stash_starts_.push_back(start);
    start += stash_.back().total;
  }
  std::vector<bool> in_stages(layout.kinds.size(), false);
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    const bool stages = VisitsOf(layout, plan.pieces, layer) > 1;
    if (stages) in_stages[static_cast<size_t>(layout.kind_of[static_cast<size_t>(layer)])] = true;
    between_.push_back(stages ? BetweenStagesOf(layout.block(layer), plan, layer) : StagePlaces{});
  }
  for (size_t k = 0; k < layout.kinds.size(); ++k) {
    scratch_.push_back(ScratchOf(layout.kinds[k]->declaration(), plan, in_stages[k]));
    temporaries_.push_back(TemporariesOf(layout.kinds[k]->declaration(), plan));
  }
  embedding_scratch_ = ScratchOf(layout.embedding->declaration(), plan);
  embedding_temporaries_ = TemporariesOf(layout.embedding->declaration(), plan);
  for (const int64_t at : table_places_.offsets) rotary_.push_back(reinterpret_cast<const float*>(Table(at)));
  for (const int64_t at : table_places_.temperatures) temperatures_.push_back(reinterpret_cast<const float*>(Table(at)));
}

void DeviceBuffers::Place(int64_t layer, int64_t token, bool keep_nothing, Made made, BlockRun& run) const {
  const size_t kind = static_cast<size_t>(layout_.kind_of[static_cast<size_t>(layer)]), l = static_cast<size_t>(layer);
  const Declaration& declaration = layout_.kinds[kind]->declaration();
  const auto& saved = declaration.saved();
  run.saved.resize(saved.size());
  run.made.assign(saved.size(), made == Made::kAll);
  const auto of_sweep = [&](const Range& range, int64_t at, const TokenBytes& bytes) {
    return At(range) + at + token * bytes.Of(plan_.numerics.compute);
  };
  const StagePlaces& between = between_[l];
  const bool in_stages = !between.saved.empty();
  for (size_t t = 0; t < saved.size(); ++t) {
    const int64_t at = stash_[l].offsets[t];
    // What goes from stage to stage has a place of its own only where it is not kept.
    const bool kept = at >= 0 && (in_stages || !keep_nothing);
    const bool stays = in_stages && between.saved[t] >= 0;
    run.saved[t] = kept    ? of_sweep(range_.stash, stash_starts_[l] + at, saved[t].bytes)
                   : stays ? of_sweep(range_.between_stages, between.saved[t], saved[t].bytes)
                           : At(range_.scratch) + scratch_[kind].offsets[t];
    if (kept && made == Made::kKept) run.made[t] = 1;
  }
  run.temporaries.clear();
  const auto& temporaries = declaration.temporaries();
  for (size_t t = 0; t < temporaries.size(); ++t) {
    const int64_t at = temporaries_[kind].offsets[t];
    const bool stays = in_stages && between.temporaries[t] >= 0;
    run.temporaries.push_back(stays    ? of_sweep(range_.between_stages, between.temporaries[t], temporaries[t].bytes)
                              : at < 0 ? nullptr
                                       : At(range_.temporaries) + at);
  }
}

float* DeviceBuffers::Accumulator(int64_t piece) const {
  const int64_t unit = plan_.pieces[piece].unit;
  const bool tied = layout_.tied && unit == layout_.EmbeddingUnit();
  const Range& range = tied ? range_.tied_accumulator : layout_.IsShared(unit) ? range_.shared_accumulators : range_.accumulator;
  const int64_t at = plan_.accumulators.offsets[static_cast<size_t>(piece)];
  HLM_CHECK(at >= 0, plan_.pieces[piece].name, " has no accumulator");
  return reinterpret_cast<float*>(At(range)) + at;
}

void DeviceBuffers::PlaceEmbedding(BlockRun& run) const {
  for (const int64_t at : embedding_scratch_.offsets) run.saved.push_back(At(range_.scratch) + at);
  run.made.assign(run.saved.size(), 0);
  for (const int64_t at : embedding_temporaries_.offsets)
    run.temporaries.push_back(at < 0 ? nullptr : At(range_.temporaries) + at);
}

void DeviceBuffers::SetTables(BlockRun& run) const {
  run.rotary = rotary_.data();
  run.temperatures = temperatures_.data();
  if (table_places_.slopes >= 0) run.slopes = reinterpret_cast<const float*>(Table(table_places_.slopes));
}

void DeviceBuffers::SetSides(int64_t token, BlockRun& run) const {
  for (size_t s = 0; s < spec_.sides.size(); ++s) {
    const int64_t at = side_places_.offsets[s] + token * spec_.sides[s] * static_cast<int64_t>(SizeOf(plan_.numerics.compute));
    run.sides.push_back(At(range_.sides) + at);
    run.side_gradients.push_back(plan_.purpose == Purpose::kForward ? nullptr : At(range_.side_gradients) + at);
  }
}

HeadTemplate DeviceBuffers::Head() const {
  const bool backward = plan_.purpose != Purpose::kForward;
  const HeadLayout layout =
      MakeHeadLayout(spec_, plan_.numerics.compute, plan_.micro_tokens, plan_.numerics.head_chunk, backward);
  return HeadTemplate(spec_, plan_.numerics.compute, plan_.numerics.head_chunk, layout, At(range_.head));
}

}  // namespace hlm
