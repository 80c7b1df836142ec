// StepBatch: the host's side of a step's batch: what goes up to every lane, and the losses that come down.
#ifndef HORIZON_LM_CORE_TRAIN_STEP_BATCH_H_
#define HORIZON_LM_CORE_TRAIN_STEP_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/device/device.h"
#include "core/group/group.h"
#include "core/plan/batch_layout.h"
#include "core/plan/places.h"
#include "core/plan/plan.h"
#include "core/train/pass.h"

namespace hlm {

class StepBatch {
 public:
  StepBatch(const ModelSpec& spec, const Plan& plan, Device& device)
      : spec_(spec),
        device_(device),
        memory_(device.AllocateHost(static_cast<size_t>(plan.host.batch))),
        layout_(MakeBatchLayout(plan.step_tokens, plan.long_document > 0)),
        tables_(PlaceLengthTables(spec, plan)) {}

  // Writes the batch as it goes up: filled_bytes() from the start, then the weights of entropies where there are any; and the
  // rows of long documents in the tables, where each length has its own.
  void Fill(const Pass& pass);
  size_t filled_bytes() const { return filled_; }

  // What the passes of all processes have made, each of its own tokens, on every one of them.
  void GatherLosses(const Pass& pass, ProcessGroup& group, ProcessGroup::Channel channel);

  std::byte* data() const { return memory_.data(); }
  float* At(int64_t offset) const { return reinterpret_cast<float*>(memory_.data() + offset); }
  const BatchLayout& layout() const { return layout_; }
  size_t bytes() const { return memory_.bytes(); }

  // Those rows, of a rotary embedding and of a temperature.
  const std::byte* Turns(size_t rope) const { return memory_.data() + layout_.total + tables_.offsets[rope]; }
  const std::byte* Temperatures(size_t number) const { return memory_.data() + layout_.total + tables_.temperatures[number]; }

 private:
  void FillTables(const Pass& pass);

  const ModelSpec& spec_;
  Device& device_;
  Buffer memory_;
  BatchLayout layout_;
  TablePlaces tables_;
  std::vector<LengthRows> made_;  // for which the tables' rows are there
  size_t filled_ = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_STEP_BATCH_H_
