// What a layer sees of a micro-batch: device pointers into the batch's arrays.
#ifndef HORIZON_LM_CORE_LAYERS_MICRO_H_
#define HORIZON_LM_CORE_LAYERS_MICRO_H_

#include <cstdint>

#include "core/device/ops.h"

namespace hlm {

struct MicroView {
  int64_t tokens = 0;
  Documents documents;
  const int32_t* ids = nullptr;            // [tokens]
  const int32_t* targets = nullptr;        // [tokens], -1: nothing predicted
  const int32_t* positions = nullptr;      // [tokens]
  const int32_t* turns = nullptr;          // [tokens] rows of the rotary tables and of temperatures
  const float* weights = nullptr;          // [tokens], over the step's denominator
  float* losses = nullptr;                 // [tokens], negative log-likelihoods
  const float* entropy_weights = nullptr;  // [tokens], or null: the entropy has no gradient
  float* entropies = nullptr;              // [tokens], or null: not asked for
  float* best = nullptr;                   // [tokens], or null: not asked for
  float scale = 1;                         // of the logits
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_MICRO_H_
