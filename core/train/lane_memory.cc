#include "core/train/lane_memory.h"

#include <utility>

#include "core/layers/rotary_table.h"

namespace hlm {

LaneMemory::LaneMemory(const LaneContext& context, Device& device)
    : arena(device.Allocate(static_cast<size_t>(context.device().arena.total))),
      buffers(context.spec, context.layout, context.plan, context.device(), arena.data()),
      red_zones(arena.data(), context.device().arena.red_zones),
      slots(device, buffers.Slots(), context.device().arena.slots.bytes) {
  device.ops().SetWorkspace(buffers.Workspace(), static_cast<size_t>(context.device().arena.workspace.bytes));
}

void LaneMemory::Fill(const LaneContext& context, Stream& up) {
  red_zones.Paint(up);
  const ModelSpec& spec = context.spec;
  const Plan& plan = context.plan;
  const TablePlaces& places = buffers.tables().places();
  const auto send = [&](std::byte* to, std::vector<float> table) {
    tables_.push_back(std::move(table));
    up.Copy(to, tables_.back().data(), tables_.back().size() * sizeof(float));
  };
  for (const int64_t length : {int64_t{0}, plan.long_document + 1}) {
    if (length > 0 && (plan.long_document == 0 || plan.by_length)) continue;
    const int64_t skipped = length > 0 ? places.rows * static_cast<int64_t>(sizeof(float)) : 0;
    for (size_t r = 0; r < spec.ropes.size(); ++r) {
      const RopeSpec& rope = spec.ropes[r];
      send(buffers.tables().At(places.offsets[r]) + skipped * rope.dim, MakeRotaryTable(rope, places.rows, length));
    }
    for (size_t t = 0; t < spec.temperatures.size(); ++t) {
      send(buffers.tables().At(places.temperatures[t]) + skipped, MakeTemperatureTable(spec.temperatures[t], places.rows));
    }
  }
  if (!spec.slopes.empty()) send(buffers.tables().At(places.slopes), {spec.slopes.begin(), spec.slopes.end()});
  up.Synchronize();
  std::vector<std::vector<float>>().swap(tables_);
}

}  // namespace hlm
