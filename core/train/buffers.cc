#include "core/train/buffers.h"

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
      row_bytes_(spec.hidden * static_cast<int64_t>(SizeOf(plan.numerics.compute))),
      block_input_bytes_(RoundUp(plan.sweep_tokens * row_bytes_, 256)),
      boundaries_(range_.block_inputs.bytes / block_input_bytes_),
      blocks_(layout, plan, device.arena, arena),
      tables_(spec, plan, At(device.arena.rotary)),
      side_places_(PlaceSides(spec, plan)) {}

float* DeviceBuffers::Accumulator(int64_t piece) const {
  const int64_t unit = plan_.pieces[piece].unit;
  const bool tied = layout_.tied && unit == layout_.EmbeddingUnit();
  const Range& range = tied ? range_.tied_accumulator : layout_.IsShared(unit) ? range_.shared_accumulators : range_.accumulator;
  const int64_t at = plan_.accumulators.offsets[static_cast<size_t>(piece)];
  HLM_CHECK(at >= 0, plan_.pieces[piece].name, " has no accumulator");
  return reinterpret_cast<float*>(At(range)) + at;
}

void DeviceBuffers::SetSides(int64_t token, BlockRun& run) const {
  for (size_t s = 0; s < spec_.sides.size(); ++s) {
    const int64_t at = side_places_.offsets[s] + token * spec_.sides[s] * static_cast<int64_t>(SizeOf(plan_.numerics.compute));
    run.sides.push_back(At(range_.sides) + at);
    run.side_gradients.push_back(plan_.purpose == Purpose::kForward ? nullptr : At(range_.side_gradients) + at);
  }
}

}  // namespace hlm
