// StepBatch: the host's side of a step's batch: what goes up to every lane, and the losses that come down.
#ifndef HORIZON_LM_CORE_TRAIN_STEP_BATCH_H_
#define HORIZON_LM_CORE_TRAIN_STEP_BATCH_H_

#include <cstddef>
#include <cstdint>

#include "core/device/device.h"
#include "core/plan/batch_layout.h"
#include "core/plan/plan.h"
#include "core/train/pass.h"

namespace hlm {

class StepBatch {
 public:
  StepBatch(const Plan& plan, Device& device)
      : device_(device),
        memory_(device.AllocateHost(static_cast<size_t>(plan.host.batch))),
        layout_(MakeBatchLayout(plan.step_tokens)) {}

  // Writes the batch as it goes up: filled_bytes() from the start, then the weights of entropies where there are any.
  void Fill(const Pass& pass);
  size_t filled_bytes() const { return filled_; }

  std::byte* data() const { return memory_.data(); }
  float* At(int64_t offset) const { return reinterpret_cast<float*>(memory_.data() + offset); }
  const BatchLayout& layout() const { return layout_; }
  size_t bytes() const { return memory_.bytes(); }

 private:
  Device& device_;
  Buffer memory_;
  BatchLayout layout_;
  size_t filled_ = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_STEP_BATCH_H_
