#include "core/train/lane_streams.h"

#include <string>

#include "core/base/error.h"

namespace hlm {
namespace {

std::string StreamName(const char* name, const LaneContext& context) {
  return context.plan.devices.size() == 1 ? name : StrCat(name, " ", context.lane);
}

}  // namespace

LaneStreams::LaneStreams(const LaneContext& context, Device& device)
    : compute(device.CreateStream(StreamName("compute", context))),
      up(device.CreateStream(StreamName("up", context))),
      down(device.CreateStream(StreamName("down", context))) {
  for (auto& event : visit_done) event = device.CreateEvent();
  for (auto* event : {&losses_made, &losses_down, &logits_made, &logits_down}) *event = device.CreateEvent();
}

void LaneStreams::Drain() noexcept {
  for (Stream* stream : {up.get(), compute.get(), down.get()}) {
    try {
      stream->Synchronize();
    } catch (...) {  // the error that led here is already on its way to the caller
    }
  }
}

}  // namespace hlm
