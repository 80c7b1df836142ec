// Linear recurrences along a document: the delta rule and state spaces. Conventions are those of ops.h. A document begins with a
// state of zeros; states are fp32.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_RECURRENCE_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_RECURRENCE_H_

#include <cstdint>
#include <limits>

#include "core/base/dtype.h"
#include "core/device/args/attention.h"
#include "core/device/args/view.h"

namespace hlm {

// The gates of recurrences, in fp32, of what a product made:
//   step = min(max(softplus(a + dt_bias), least), most)      g = -exp(a_log) step      beta = beta_scale sigmoid(b)
// g is the logarithm of a decay. `width`: numbers of a head; a_log and beta have one a head.
struct DecayGatesArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, width = 1;
  float least = 0, most = std::numeric_limits<float>::infinity();
  float beta_scale = 1;
  View a;                         // heads of width
  View b;                         // heads of 1; data null: no beta
  const void* a_log = nullptr;    // [heads] type
  const void* dt_bias = nullptr;  // [heads, width] type
  float* g = nullptr;             // [tokens, heads, width]
  float* step = nullptr;          // the same, or null: not wanted
  float* beta = nullptr;          // [tokens, heads]; where b is given
};
// At a limit of the step its gradient is that of a step between them.
struct DecayGatesBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, width = 1;
  float least = 0, most = std::numeric_limits<float>::infinity();
  float beta_scale = 1;
  View a, b;
  const void* a_log = nullptr;
  const void* dt_bias = nullptr;
  const float* dg = nullptr;
  const float* dstep = nullptr;  // or null: 0
  const float* dbeta = nullptr;  // where b is given
  MutableView da;
  MutableView db;             // where b is given
  float* da_log = nullptr;    // [heads]
  float* ddt_bias = nullptr;  // [heads, width]
  bool accumulate = false;    // of da_log and ddt_bias
};

// The gated delta rule (Yang, Kautz and Hatamizadeh 2024, eq. 10). With q, k = q / |q| scale, k / |k|, for a state S [key_dim, value_dim]:
//   S' = exp(g_t) S      S = S' + k_t beta_t (v_t - S'^T k_t)^T      out_t = S^T q_t
// |x| = sqrt(sum of squares + epsilon). Value head h reads key head h / (heads / key_heads). by_channel: each row of the state has
// a decay of its own (Kimi Delta Attention).
struct DeltaRuleArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, key_heads = 0, key_dim = 0, value_dim = 0;
  bool by_channel = false;
  float scale = 1, epsilon = 0;
  Documents documents;
  View q, k;                    // key_heads of key_dim
  View v;                       // heads of value_dim
  const float* g = nullptr;     // [tokens, heads], by_channel: [tokens, heads, key_dim]; at most 0
  const float* beta = nullptr;  // [tokens, heads]
  MutableView out;              // heads of value_dim
};
struct DeltaRuleBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, key_heads = 0, key_dim = 0, value_dim = 0;
  bool by_channel = false;
  float scale = 1, epsilon = 0;
  Documents documents;
  View q, k, v;
  const float* g = nullptr;
  const float* beta = nullptr;
  View dout;
  MutableView dq, dk, dv;  // apart from each other and from all others
  float* dg = nullptr;     // as g
  float* dbeta = nullptr;  // as beta
};

// Mamba-2's state space (Dao and Gu 2024), for a state S [state_dim, head_dim]:
//   S = exp(g_t) S + step_t b_t x_t^T      y_t = S^T c_t + d x_t
// Head h reads b and c of group h / (heads / groups).
struct StateSpaceArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, groups = 0, head_dim = 0, state_dim = 0;
  Documents documents;
  View x;                       // heads of head_dim
  View b, c;                    // groups of state_dim
  const float* g = nullptr;     // [tokens, heads]; at most 0
  const float* step = nullptr;  // [tokens, heads]
  const void* d = nullptr;      // [heads] type
  MutableView y;                // heads of head_dim
};
struct StateSpaceBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, groups = 0, head_dim = 0, state_dim = 0;
  Documents documents;
  View x, b, c;
  const float* g = nullptr;
  const float* step = nullptr;
  const void* d = nullptr;
  View dy;
  MutableView dx, db, dc;   // apart from each other and from all others
  float* dg = nullptr;      // as g
  float* dstep = nullptr;   // as step
  float* dd = nullptr;      // [heads]
  bool accumulate = false;  // of dd
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_RECURRENCE_H_
