// Norms over rows. Conventions are those of ops.h.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_NORM_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_NORM_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/args/view.h"

namespace hlm {

// y = x * rstd * w, rstd = 1 / sqrt(mean(x^2) + epsilon), by row (Zhang and Sennrich 2019, eq. 4).
// As in transformers' Llama code, x * rstd is rounded to `type` before the product with w in bf16.
struct RmsNormArgs {
  DType type = DType::kF32;
  int64_t rows = 0, width = 0;
  float epsilon = 0;
  const void* x = nullptr;  // [rows, width] type
  const void* w = nullptr;  // [width] type
  void* y = nullptr;        // [rows, width] type; must not alias x
  float* rstd = nullptr;    // [rows]
};

// dx = (residual or 0) + d(norm)/dx; dw (+)= sum over rows of dy * x * rstd.
struct RmsNormBackwardArgs {
  DType type = DType::kF32;
  int64_t rows = 0, width = 0;
  const void* x = nullptr;         // [rows, width] type
  const void* w = nullptr;         // [width] type
  const float* rstd = nullptr;     // [rows], from the forward pass
  const void* dy = nullptr;        // [rows, width] type
  const void* residual = nullptr;  // [rows, width] type, or null; the gradient that goes past the norm
  void* dx = nullptr;              // [rows, width] type; may equal residual or dy
  float* dw = nullptr;             // [width]
  bool accumulate = false;
};

// Norms over the `width` elements of each head of each row:
//   y = (x - mean) * rstd * weight + bias,  rstd = 1 / sqrt(mean((x - mean)^2) + epsilon)
// center: LayerNorm (Ba, Kiros and Hinton 2016, eq. 4). Not center: RMS norm; mean stays 0 in all formulas.
struct NormKind {
  bool center = false;
  bool one_plus = false;  // the weight is 1 + w (Gemma, Nemotron)
  bool round_first =
      false;  // x * rstd is rounded to `type` before the product with the weight (Llama); else one rounding at the end
};
struct NormArgs {
  DType type = DType::kF32;
  NormKind kind;
  int64_t rows = 0, heads = 1, width = 0;
  float epsilon = 0;
  View x;
  const void* w = nullptr;     // [width] type, or [heads, width] where by_head, or null: 1
  const void* bias = nullptr;  // the same, or null: 0
  bool by_head = false;        // each head has a weight and bias of its own
  MutableView y;               // must not alias x
  float* mean = nullptr;       // [rows, heads]; null where not center
  float* rstd = nullptr;       // [rows, heads]
};

// dx = (residual or 0) + d(norm)/dx; dw (+)= sum of dy * (x - mean) * rstd, dbias (+)= sum of dy, over rows (and heads, unless
// by_head).
struct NormBackwardArgs {
  DType type = DType::kF32;
  NormKind kind;
  int64_t rows = 0, heads = 1, width = 0;
  View x;
  const void* w = nullptr;
  bool by_head = false;
  const float* mean = nullptr;
  const float* rstd = nullptr;
  View dy;
  View residual;           // data null: none
  MutableView dx;          // may lie where residual or dy lies
  float* dw = nullptr;     // as w, or null: not wanted
  float* dbias = nullptr;  // as bias, or null
  bool accumulate = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_NORM_H_
