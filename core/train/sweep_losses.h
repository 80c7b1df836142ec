// Losses on their way through the host: the head's first pass over a sweep makes them, the host answers with their weights.
#ifndef HORIZON_LM_CORE_TRAIN_SWEEP_LOSSES_H_
#define HORIZON_LM_CORE_TRAIN_SWEEP_LOSSES_H_

#include <cstdint>
#include <functional>

namespace hlm {

// By place in a share of a sweep.
struct SweepLosses {
  int64_t first_token = 0, tokens = 0;  // in the step
  int64_t first_document = 0, end_document = 0;
  const float* losses = nullptr;     // negative log-likelihoods
  const float* entropies = nullptr;  // null where the pass does not weigh them
  float* weights = nullptr;          // the host's answer, all of them, before the second pass
  float* entropy_weights = nullptr;  // null with entropies
};
using Weigh = std::function<void(const SweepLosses&)>;

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_SWEEP_LOSSES_H_
