// Choosing the next id from its logits.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_SAMPLER_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_SAMPLER_H_

#include <cstdint>
#include <span>

namespace horizon {

// temperature 0: the id with the largest logit, the lowest id of equals. Otherwise an id drawn from softmax(logits / temperature)
// over the top_k largest logits (0: all; of equals the lower id is in), by `uniform` in [0, 1). Throws Error where a logit is NaN
// or all are -infinity.
int32_t ChooseToken(std::span<const float> logits, double temperature, int64_t top_k, double uniform);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_SAMPLER_H_
