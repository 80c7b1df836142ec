// GradientPath: the way of a gradient from a lane's accumulator to the optimizer, part by part:
//
//   accumulator --round--> staging --copy--> ring --hand over--> whoever takes it
#ifndef HORIZON_LM_CORE_TRAIN_GRADIENT_PATH_H_
#define HORIZON_LM_CORE_TRAIN_GRADIENT_PATH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/device/device.h"
#include "core/stream/ring.h"
#include "core/train/buffers.h"
#include "core/train/lane_context.h"

namespace hlm {

class GradientPath {
 public:
  using Take = std::function<void(GradientRing& ring, const PartPlan& part, RingTicket ticket)>;

  GradientPath(const LaneContext& context, Device& device, const DeviceBuffers& buffers, MoveCounters& counters, int64_t staging);

  // `accumulator`: of the piece; what was enqueued on compute before has made it.
  void Send(const PiecePlan& piece, const float* accumulator, Stream& compute, Stream& down, const Take& take);

  // The same for a gradient that is zero: entries that nothing is copied into.
  void SendZero(const PiecePlan& piece, const Take& take);

  GradientRing* ring() { return ring_.get(); }  // null where the plan has no gradients

 private:
  const LaneContext context_;
  Device& device_;
  const DeviceBuffers& buffers_;
  MoveCounters& counters_;
  std::unique_ptr<GradientRing> ring_;
  std::vector<std::unique_ptr<Event>> staged_, free_;  // by place in the staging buffers
  size_t next_ = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_GRADIENT_PATH_H_
