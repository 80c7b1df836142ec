#include "core/train/block_tensors.h"

namespace hlm {

BlockTensors::BlockTensors(const ModelLayout& layout, const Plan& plan, const DeviceArena& ranges, std::byte* arena)
    : layout_(layout), plan_(plan), ranges_(ranges), arena_(arena) {
  std::vector<bool> in_stages(layout.kinds.size(), false);
  int64_t start = 0;
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    const bool stages = VisitsOf(layout, plan.pieces, layer) > 1;
    if (stages) in_stages[static_cast<size_t>(layout.kind_of[static_cast<size_t>(layer)])] = true;
    layers_.push_back({StashOf(layout.block(layer), plan, layer, stages), start,
                       stages ? BetweenStagesOf(layout.block(layer), plan, layer) : StagePlaces{}});
    start += layers_.back().stash.total;
  }
  for (size_t k = 0; k < layout.kinds.size(); ++k) {
    const Declaration& declaration = layout.kinds[k]->declaration();
    kinds_.push_back({ScratchOf(declaration, plan, in_stages[k]), TemporariesOf(declaration, plan)});
  }
  const Declaration &embedding = layout.embedding->declaration(), &head = layout.head->declaration();
  embedding_ = {ScratchOf(embedding, plan), TemporariesOf(embedding, plan)};
  head_ = {ScratchOf(head, plan), TemporariesOf(head, plan)};
}

void BlockTensors::Place(int64_t layer, int64_t token, bool keep_nothing, Made made, BlockRun& run) const {
  const auto number = static_cast<size_t>(layout_.kind_of[static_cast<size_t>(layer)]);
  const Kind& kind = kinds_[number];
  const auto& [stash, start, between] = layers_[static_cast<size_t>(layer)];
  const Declaration& declaration = layout_.kinds[number]->declaration();
  const auto& saved = declaration.saved();
  run.saved.resize(saved.size());
  run.made.assign(saved.size(), made == Made::kAll);
  const auto of_sweep = [&](const Range& range, int64_t at, const TokenBytes& bytes) {
    return At(range) + at + token * bytes.Of(plan_.numerics.compute);
  };
  const bool in_stages = !between.saved.empty();
  for (size_t t = 0; t < saved.size(); ++t) {
    const int64_t at = stash.offsets[t];
    // What goes from stage to stage has a place of its own only where it is not kept.
    const bool kept = at >= 0 && (in_stages || !keep_nothing);
    const bool stays = in_stages && between.saved[t] >= 0;
    run.saved[t] = kept    ? of_sweep(ranges_.stash, start + at, saved[t].bytes)
                   : stays ? of_sweep(ranges_.between_stages, between.saved[t], saved[t].bytes)
                           : At(ranges_.scratch) + kind.scratch.offsets[t];
    if (kept && made == Made::kKept) run.made[t] = 1;
  }
  run.temporaries.clear();
  const auto& temporaries = declaration.temporaries();
  for (size_t t = 0; t < temporaries.size(); ++t) {
    const int64_t at = kind.temporaries.offsets[t];
    const bool stays = in_stages && between.temporaries[t] >= 0;
    run.temporaries.push_back(stays    ? of_sweep(ranges_.between_stages, between.temporaries[t], temporaries[t].bytes)
                              : at < 0 ? nullptr
                                       : At(ranges_.temporaries) + at);
  }
}

void BlockTensors::PlaceAll(const Kind& kind, std::byte* scratch, std::byte* temporaries, BlockRun& run) {
  for (const int64_t at : kind.scratch.offsets) run.saved.push_back(scratch + at);
  run.made.assign(run.saved.size(), 0);
  for (const int64_t at : kind.temporaries.offsets) run.temporaries.push_back(at < 0 ? nullptr : temporaries + at);
}

}  // namespace hlm
