// Conversion between types. Conventions are those of ops.h.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_CAST_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_CAST_H_

#include <cstdint>

#include "core/base/dtype.h"

namespace hlm {

// y[i] = x[i], rounded to nearest even where y is narrower. Not in place unless the types are equal.
struct CastArgs {
  DType x_type = DType::kF32, y_type = DType::kF32;  // f32 and bf16
  int64_t n = 0;
  const void* x = nullptr;
  void* y = nullptr;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_CAST_H_
