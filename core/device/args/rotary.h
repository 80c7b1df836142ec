// The rotary embedding. Conventions are those of ops.h.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_ROTARY_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_ROTARY_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/args/view.h"

namespace hlm {

// In place on the query and key parts of qkv [tokens, (heads + 2 kv_heads) head_dim]: optional RMS norm over head_dim of each
// head (weights q_norm, k_norm), then the rotary embedding in the "half" form of transformers:
// (a, b) -> (a cos - b sin, b cos + a sin) with a, b the two halves of a head. The value part is not touched.
struct QkRotaryArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, kv_heads = 0, head_dim = 0;
  float epsilon = 0;
  void* qkv = nullptr;                 // [tokens, (heads + 2 kv_heads) head_dim] type, in and out
  const int32_t* positions = nullptr;  // [tokens], each below table_rows
  const float* table = nullptr;        // [table_rows, head_dim]: cosines of a row's head_dim / 2 angles, then sines
  const void* q_norm = nullptr;        // [head_dim] type, or null with k_norm: no norm
  const void* k_norm = nullptr;
  void* qk_raw = nullptr;    // [tokens, (heads + kv_heads) head_dim] type: copy of the input where there is a norm, else null
  float* qk_rstd = nullptr;  // [tokens, heads + kv_heads] where there is a norm, else null
};

// In place on dqkv: gradient after the rotary embedding in, gradient of the product's output out; the value part is not touched.
struct QkRotaryBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, kv_heads = 0, head_dim = 0;
  void* dqkv = nullptr;
  const int32_t* positions = nullptr;
  const float* table = nullptr;
  const void* q_norm = nullptr;
  const void* k_norm = nullptr;
  const void* qk_raw = nullptr;
  const float* qk_rstd = nullptr;
  float* dq_norm = nullptr;  // [head_dim], null where there is no norm
  float* dk_norm = nullptr;
  bool accumulate = false;
};

// The rotary embedding on the first rotary_dim elements of each head, the others pass through; then all of them times the
// position's scale. A pair (a, b) becomes (a cos - b sin, b cos + a sin): element i with i + rotary_dim / 2, or, interleaved, 2i
// with 2i + 1. `back` is the transposed map: the gradient.
struct RotaryArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, head_dim = 0;
  int64_t rotary_dim = 0;  // even, at most head_dim; 0: no rotation
  bool interleaved = false, back = false;
  View x;
  MutableView y;                       // may lie where x lies
  const int32_t* positions = nullptr;  // [tokens], each below table_rows
  const float* table = nullptr;        // [table_rows, rotary_dim]: cosines of a row's rotary_dim / 2 angles, then sines
  const float* scales = nullptr;       // [table_rows], or null: 1
};

// y[t] = sum over the heads h of x[t, h]: the gradient of a vector that all heads share.
struct SumHeadsArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, width = 0;
  View x;
  MutableView y;  // one head; must not alias x
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_ROTARY_H_
