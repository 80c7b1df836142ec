// LaneStreams: the orders of work of a lane, and the events between them.
//
//   up        weights into slots, the batch, block inputs that come back
//   compute   operations of the layers, rounding of gradients
//   down      gradients through staging into the ring, losses, block inputs that go to wait
#ifndef HORIZON_LM_CORE_TRAIN_LANE_STREAMS_H_
#define HORIZON_LM_CORE_TRAIN_LANE_STREAMS_H_

#include <array>
#include <cstdint>
#include <memory>

#include "core/device/device.h"
#include "core/train/lane_context.h"

namespace hlm {

struct LaneStreams {
  LaneStreams(const LaneContext& context, Device& device);

  // Said at the end of visit v.
  Event& VisitDone(int64_t visit) { return *visit_done[static_cast<size_t>(visit % kDone)]; }
  // Waits for all of them; throws nothing.
  void Drain() noexcept;

  static constexpr int64_t kDone = 4;
  std::array<std::unique_ptr<Event>, kDone> visit_done;
  std::unique_ptr<Event> losses_made, losses_down, logits_made, logits_down;
  std::unique_ptr<Stream> compute, up, down;  // their ends come first, and wait for their work
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_LANE_STREAMS_H_
