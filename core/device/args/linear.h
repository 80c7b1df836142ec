// The three products of a linear layer. Conventions are those of ops.h.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_LINEAR_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_LINEAR_H_

#include <cstdint>

#include "core/base/dtype.h"

namespace hlm {

// y[t, n] = x[t, k] w[n, k]^T (+ bias[n]) (+ addend[t, n]); rounded once to y_type.
struct LinearArgs {
  DType type = DType::kF32;
  DType y_type = DType::kF32;  // `type`, or kF32 (logits)
  int64_t tokens = 0, in = 0, out = 0;
  const void* x = nullptr;       // [tokens, in] type
  const void* w = nullptr;       // [out, in] type
  const void* bias = nullptr;    // [out] type, or null
  const void* addend = nullptr;  // [tokens, out] y_type, or null; y itself, or apart from it
  void* y = nullptr;             // [tokens, out] y_type
};

// dx[t, k] = dy[t, n] w[n, k].
struct LinearBackwardInputArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, in = 0, out = 0;
  const void* dy = nullptr;  // [tokens, out] type
  const void* w = nullptr;   // [out, in] type
  void* dx = nullptr;        // [tokens, in] type
};

// dw[n, k] (+)= dy[t, n]^T x[t, k]; dbias[n] (+)= sum over t of dy[t, n].
struct LinearBackwardWeightArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, in = 0, out = 0;
  const void* dy = nullptr;  // [tokens, out] type
  const void* x = nullptr;   // [tokens, in] type
  float* dw = nullptr;       // [out, in]
  float* dbias = nullptr;    // [out], or null
  bool accumulate = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_LINEAR_H_
