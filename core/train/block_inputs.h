// WaitingInputs: block inputs that do not fit on the device go down to host memory as they are made and come back ahead of time.
//
// Three places take turns on the device: boundary b (the input of block b) lies in place b % 3. The last three boundaries of the
// forward pass are still there when the backward pass begins; each earlier one comes back into its place as soon as the backward pass
// is done with the boundary three above it, which is two visits before it is needed.
#ifndef HORIZON_LM_CORE_TRAIN_BLOCK_INPUTS_H_
#define HORIZON_LM_CORE_TRAIN_BLOCK_INPUTS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "core/device/device.h"
#include "core/train/buffers.h"
#include "core/train/lane_context.h"
#include "core/train/pass.h"

namespace hlm {

class WaitingInputs {
 public:
  // `bytes`: of host memory, none where all inputs stay on the device.
  WaitingInputs(const LaneContext& context, Device& device, const DeviceBuffers& buffers, MoveCounters& counters, int64_t bytes);

  void BeforeWrite(const Pass& pass, int64_t boundary, Stream& compute);  // before compute writes it
  // After a visit for `tokens` tokens, whose end is `done`: saves what it made, fetches what is needed soon.
  void Move(const Pass& pass, const Visit& visit, int64_t tokens, Event& done, Stream& up, Stream& down);
  void Await(const Pass& pass, int64_t boundary, Stream& compute);  // before the backward pass reads it

  size_t bytes() const { return memory_.bytes(); }

 private:
  bool Waits(const Pass& pass, int64_t boundary) const;
  // The first that a backward pass reads.
  int64_t First() const { return std::max<int64_t>(context_.plan.first_backward, 0); }
  std::byte* OnHost(int64_t boundary) const { return memory_.data() + (boundary - First()) * buffers_.block_input_bytes(); }

  const LaneContext context_;
  const DeviceBuffers& buffers_;
  MoveCounters& counters_;
  Buffer memory_;
  std::array<std::unique_ptr<Event>, 3> saved_, fetched_;  // by place
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_BLOCK_INPUTS_H_
