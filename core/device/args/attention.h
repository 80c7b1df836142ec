// Attention within documents. Conventions are those of ops.h.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_ATTENTION_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_ATTENTION_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/args/view.h"

namespace hlm {

// The documents of a micro-batch: document d holds tokens [offsets[d], offsets[d + 1]). Attention never crosses a border.
struct Documents {
  int64_t count = 0;
  int64_t longest = 0;                    // tokens
  const int32_t* offsets = nullptr;       // [count + 1], device
  const int32_t* host_offsets = nullptr;  // the same on the host; valid until the operation is done
};

// Causal grouped-query attention: softmax(q k^T / sqrt(head_dim)) v within each document; query head h reads key head
// h / (heads / kv_heads). window > 0: token i sees j with i - window < j <= i.
struct AttentionArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, kv_heads = 0, head_dim = 0, window = 0;
  Documents documents;
  const void* qkv = nullptr;  // [tokens, (heads + 2 kv_heads) head_dim] type: q heads, k heads, v heads
  void* out = nullptr;        // [tokens, heads head_dim] type
  float* lse = nullptr;       // [tokens, heads]: log of the sum of exp of the scaled scores
};

struct AttentionBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, kv_heads = 0, head_dim = 0, window = 0;
  Documents documents;
  const void* qkv = nullptr;
  const void* out = nullptr;
  const void* dout = nullptr;  // [tokens, heads head_dim] type
  const float* lse = nullptr;
  void* dqkv = nullptr;  // [tokens, (heads + 2 kv_heads) head_dim] type, overwritten
};

// Which keys a query sees, and what becomes of its scores. Positions count from the begin of a document; key j is seen by query i
// where j <= i and all of this allows it.
struct AttentionKind {
  float scale = 0;     // of q k^T; above 0
  int64_t window = 0;  // > 0: i - window < j
  int64_t chunk = 0;   // > 0: i / chunk == j / chunk (Llama 4)
  float soft_cap = 0;  // > 0: a score s becomes soft_cap tanh(s / soft_cap) (Gemma 2)
};

// Grouped-query attention by views: softmax(scores) v, query head h reads key head h / (heads / kv_heads), keys and values of
// different widths (latent attention). With slopes a score has slopes[h] (j - i) added (Press, Smith and Lewis 2022); with sinks
// the sum of the softmax has exp(sinks[h]) beside its keys (gpt-oss).
struct ViewAttentionArgs {
  DType type = DType::kF32;
  AttentionKind kind;
  int64_t tokens = 0, heads = 0, kv_heads = 0;
  int64_t head_dim = 0;  // of queries and keys
  int64_t value_dim = 0;
  Documents documents;
  View q;                         // heads of head_dim
  View k;                         // kv_heads of head_dim
  View v;                         // kv_heads of value_dim
  const void* sinks = nullptr;    // [heads] type, or null
  const float* slopes = nullptr;  // [heads], or null
  MutableView out;                // heads of value_dim
  float* lse = nullptr;           // [tokens, heads]: log of the sum of exp of all scores, the sink among them
};

// Its gradients: dq, dk, dv are overwritten; dsinks is that of the sinks, as gradients of weights are.
struct ViewAttentionBackwardArgs {
  DType type = DType::kF32;
  AttentionKind kind;
  int64_t tokens = 0, heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;
  Documents documents;
  View q, k, v;
  const void* sinks = nullptr;
  const float* slopes = nullptr;
  View out;
  View dout;
  const float* lse = nullptr;
  MutableView dq, dk, dv;   // apart from each other and from all others
  float* dsinks = nullptr;  // [heads], or null
  bool accumulate = false;  // of dsinks
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_ATTENTION_H_
