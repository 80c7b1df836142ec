// ObjectiveWeigher: between the executor, whose arrays are by the place that predicts, and an objective, whose arrays are by the
// token that is predicted.
#ifndef HORIZON_LM_CORE_TRAIN_OBJECTIVE_WEIGHER_H_
#define HORIZON_LM_CORE_TRAIN_OBJECTIVE_WEIGHER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/data/batch.h"
#include "core/train/objective.h"
#include "core/train/pass.h"
#include "core/train/sweep_losses.h"

namespace hlm {

// A token's value from the place before it: `sign` times it, and 0 for tokens that are not predicted.
void ShiftToTokens(const Tokens& tokens, int64_t first_token, std::span<const float> by_place, float sign,
                   std::span<float> by_token);

class ObjectiveWeigher {
 public:
  ObjectiveWeigher(const Objective& objective, const Pass& pass) : objective_(objective), pass_(pass) {}

  // All documents at once, ahead of the pass: Weigh then only hands the weights out.
  void WeighAll(std::span<const float> losses, std::span<const float> entropies);
  void Weigh(const SweepLosses& sweep);
  // Of all documents so far, added in their order: the same bits whoever weighs them, and in how many sweeps.
  double loss() const { return loss_; }

 private:
  // Weights by place for the documents [first, end).
  void Call(int64_t first, int64_t end, std::span<const float> losses, std::span<const float> entropies, std::span<float> weights,
            std::span<float> entropy_weights);

  const Objective& objective_;
  const Pass& pass_;
  bool all_ = false;
  double loss_ = 0;
  std::vector<float> weights_, entropy_weights_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_OBJECTIVE_WEIGHER_H_
