#include "core/train/buffers.h"

#include <algorithm>

#include "core/base/checked.h"

namespace hlm {

DeviceBuffers::DeviceBuffers(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, const DevicePlan& device, std::byte* arena)
    : spec_(spec), layout_(layout), plan_(plan), arena_(arena), range_(device.arena), staging_(device.staging), table_places_(hlm::RotaryTables(spec, plan)) {
  row_bytes_ = spec.hidden * static_cast<int64_t>(plan.WeightBytes());
  block_input_bytes_ = RoundUp(plan.sweep_tokens * row_bytes_, 256);
  boundaries_ = range_.block_inputs.bytes / block_input_bytes_;
  int64_t start = 0;
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    stash_.push_back(StashOf(layout.block(layer), plan, layer));
    stash_starts_.push_back(start);
    start += stash_.back().total;
  }
  for (const auto& kind : layout.kinds) {
    scratch_.push_back(ScratchOf(*kind, plan));
    temporaries_.push_back(TemporariesOf(*kind, plan));
  }
  for (size_t rope = 0; rope < spec.ropes.size(); ++rope) tables_.push_back(reinterpret_cast<const float*>(RotaryTable(rope)));
}

void DeviceBuffers::Place(int64_t layer, int64_t token, bool keep_nothing, Made made, BlockRun& run) const {
  const size_t kind = static_cast<size_t>(layout_.kind_of[static_cast<size_t>(layer)]), l = static_cast<size_t>(layer);
  const Declaration& declaration = layout_.kinds[kind]->declaration();
  const auto& saved = declaration.saved();
  run.saved.resize(saved.size());
  run.made.assign(saved.size(), made == Made::kAll);
  for (size_t t = 0; t < saved.size(); ++t) {
    const int64_t at = stash_[l].offsets[t];
    const bool kept = !keep_nothing && at >= 0;
    run.saved[t] = kept ? At(range_.stash) + stash_starts_[l] + at + token * saved[t].bytes.Of(plan_.numerics.compute)
                        : At(range_.scratch) + scratch_[kind].offsets[t];
    if (kept && made == Made::kKept) run.made[t] = 1;
  }
  run.temporaries.clear();
  for (const int64_t at : temporaries_[kind].offsets) run.temporaries.push_back(at < 0 ? nullptr : At(range_.temporaries) + at);
}

HeadTemplate DeviceBuffers::Head() const {
  const bool backward = plan_.purpose != Purpose::kForward;
  const HeadLayout layout = MakeHeadLayout(spec_, plan_.numerics.compute, plan_.micro_tokens, plan_.numerics.head_chunk, backward);
  return HeadTemplate(spec_, plan_.numerics.compute, plan_.numerics.head_chunk, layout, At(range_.head));
}

}  // namespace hlm
