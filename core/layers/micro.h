// What a layer sees of a micro-batch: device pointers into the batch's arrays.
#ifndef HORIZON_LM_CORE_LAYERS_MICRO_H_
#define HORIZON_LM_CORE_LAYERS_MICRO_H_

#include <cstdint>

#include "core/device/ops.h"

namespace hlm {

struct MicroView {
  int64_t tokens = 0;
  Documents documents;
  const int32_t* ids = nullptr;        // [tokens]
  const int32_t* targets = nullptr;    // [tokens], -1: nothing predicted
  const int32_t* positions = nullptr;  // [tokens]
  const float* weights = nullptr;      // [tokens], over the step's denominator
  float* losses = nullptr;             // [tokens], negative log-likelihoods
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_MICRO_H_
