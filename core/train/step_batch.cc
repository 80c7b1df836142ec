#include "core/train/step_batch.h"

#include "core/device/hand_over.h"

namespace hlm {

void StepBatch::Fill(const Pass& pass) {
  filled_ = pass.Fill(memory_.data(), layout_);
  DeclareAccess(device_.race_checker(), memory_.data(), filled_, true, "batch on the host");
  if (pass.tokens.entropy_weights.empty()) return;
  DeclareAccess(device_.race_checker(), At(layout_.entropy_weights), pass.tokens.entropy_weights.size() * sizeof(float), true,
                "entropy weights on the host");
}

}  // namespace hlm
