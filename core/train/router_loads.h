// RouterLoads: a lane's side of what the routers of a mixture tell and are told. Records of how the choice fell are made in the forward
// pass and come down behind it; what a probability costs goes up before the backward pass. One sweep at a time.
#ifndef HORIZON_LM_CORE_TRAIN_ROUTER_LOADS_H_
#define HORIZON_LM_CORE_TRAIN_ROUTER_LOADS_H_

#include <cstdint>
#include <memory>
#include <span>

#include "core/device/device.h"
#include "core/layers/run.h"
#include "core/plan/routers.h"
#include "core/train/buffers.h"
#include "core/train/lane_context.h"
#include "core/train/pass.h"

namespace hlm {

class RouterLoads {
 public:
  RouterLoads(const LaneContext& context, Device& device, const DeviceBuffers& buffers, MoveCounters& counters);

  bool on() const { return !places_.routers.empty(); }
  const LoadPlaces& places() const { return places_; }

  // What the router of a layer tells in the forward pass, and what it is told in the backward pass, of micro-batch `m` of a share.
  void SetForward(const Pass& pass, const BatchCut::Share& share, int64_t layer, int64_t m, BlockRun& run) const;
  void SetBackward(const Pass& pass, const BatchCut::Share& share, int64_t layer, int64_t m, BlockRun& run) const;

  // What one layer's router chose, behind the visit that computes it; then, once that is there, how many choices fell on each expert.
  void SendChoicesDown(int64_t layer, const BatchCut::Share& share, Stream& compute, Stream& down);
  const float* AwaitChoices(int64_t layer);
  // Behind the last block of a forward pass; then, once they are there, the records by their places.
  void SendDown(const BatchCut::Share& share, Stream& compute, Stream& down);
  const float* Await();
  // What a probability costs: `costs` floats, in front of the backward pass.
  void SendCosts(std::span<const float> costs, Stream& compute);

  size_t bytes() const { return memory_.bytes(); }

 private:
  const LaneContext context_;
  Device& device_;
  const DeviceBuffers& buffers_;
  MoveCounters& counters_;
  LoadPlaces places_;
  Buffer memory_;  // as on the device
  std::unique_ptr<Event> made_, down_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_ROUTER_LOADS_H_
