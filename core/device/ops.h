// Ops: every operation that a layer may call. All are asynchronous on the given stream and deterministic: the same shape,
// inputs, device and thread count give the same bits, and no operation reads an output range before it wrote it unless said.
//
// Conventions: matrices are row-major and dense; `type` is the compute type (f32 or bf16) of activations and weights;
// "fp32" buffers are float always. In bf16, sums are taken in fp32 and rounded once when stored. Gradient of weights are fp32
// and either overwritten (accumulate = false) or added to (accumulate = true). tokens, rows may be any number >= 1; the
// CPU device takes any width. Pointers are device pointers unless named host. Row widths in elements.
#ifndef HORIZON_LM_CORE_DEVICE_OPS_H_
#define HORIZON_LM_CORE_DEVICE_OPS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/dtype.h"

namespace hlm {

class Stream;

// y[t, n] = x[t, k] w[n, k]^T (+ bias[n]) (+ addend[t, n]); rounded once to y_type.
struct LinearArgs {
  DType type = DType::kF32;
  DType y_type = DType::kF32;     // `type`, or kF32 (logits)
  int64_t tokens = 0, in = 0, out = 0;
  const void* x = nullptr;        // [tokens, in] type
  const void* w = nullptr;        // [out, in] type
  const void* bias = nullptr;     // [out] type, or null
  const void* addend = nullptr;   // [tokens, out] y_type, or null; must not overlap y
  void* y = nullptr;              // [tokens, out] y_type
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

// In place on the query and key parts of qkv [tokens, (heads + 2 kv_heads) head_dim]: optional RMS norm over head_dim of each
// head (weights q_norm, k_norm), then the rotary embedding in the "half" form of transformers:
// (a, b) -> (a cos - b sin, b cos + a sin) with a, b the two halves of a head. The value part is not touched.
struct QkRotaryArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, kv_heads = 0, head_dim = 0;
  float epsilon = 0;
  void* qkv = nullptr;                // [tokens, (heads + 2 kv_heads) head_dim] type, in and out
  const int32_t* positions = nullptr; // [tokens], each below table_rows
  const float* table = nullptr;       // [table_rows, head_dim]: cosines of a row's head_dim / 2 angles, then sines
  const void* q_norm = nullptr;       // [head_dim] type, or null with k_norm: no norm
  const void* k_norm = nullptr;
  void* qk_raw = nullptr;             // [tokens, (heads + kv_heads) head_dim] type: copy of the input where there is a norm, else null
  float* qk_rstd = nullptr;           // [tokens, heads + kv_heads] where there is a norm, else null
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
  void* dqkv = nullptr;        // [tokens, (heads + 2 kv_heads) head_dim] type, overwritten
};

// y = silu(gate) * up; gate_up is [tokens, 2 width]: a row's gate values, then its up values.
struct SwiGluArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0;
  const void* gate_up = nullptr;
  void* y = nullptr;  // [tokens, width]
};
struct SwiGluBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0;
  const void* gate_up = nullptr;
  const void* dy = nullptr;  // [tokens, width]
  void* dgate_up = nullptr;  // [tokens, 2 width]; may equal gate_up
};

// y[t] = table[ids[t]].
struct EmbeddingArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0, vocab = 0;
  const int32_t* ids = nullptr;  // [tokens], each in [0, vocab); checked before it comes here
  const void* table = nullptr;   // [vocab, width] type
  void* y = nullptr;             // [tokens, width] type
};
// dtable[ids[t]] += dy[t], token after token in order (always added to).
struct EmbeddingBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0, vocab = 0;
  const int32_t* ids = nullptr;
  const void* dy = nullptr;  // [tokens, width] type
  float* dtable = nullptr;   // [vocab, width]
};

// With y = scale logits (scale = 1 / temperature), p = softmax(y[r]) and H = -sum p log p, by row:
//   nll[r] = logsumexp(y[r]) - y[r, target[r]], entropies[r] = H, best[r] = logsumexp(y[r]) - max(y[r])
//   dlogits[r] = scale (weights[r] (p - onehot(target[r])) + entropy_weights[r] dH/dy), dH/dy[i] = -p[i] (log p[i] + H)
// A row with target < 0 has nll, entropy, best and gradient 0. What is asked for beside nll never changes the bits of nll.
struct CrossEntropyArgs {
  DType type = DType::kF32;  // of dlogits
  int64_t rows = 0, vocab = 0;
  const float* logits = nullptr;      // [rows, vocab]
  const int32_t* targets = nullptr;   // [rows]
  const float* weights = nullptr;     // [rows]; may be null where dlogits is null
  float* nll = nullptr;               // [rows]
  void* dlogits = nullptr;            // [rows, vocab] type, or null: no gradient. May equal logits where type is f32
  const float* entropy_weights = nullptr;  // [rows], or null: 0
  float* entropies = nullptr;              // [rows], or null
  float* best = nullptr;                   // [rows], or null: negative log-probability of the likeliest token
  float scale = 1;                         // above 0
};

// y[i] = x[i], rounded to nearest even where y is narrower. Not in place unless the types are equal.
struct CastArgs {
  DType x_type = DType::kF32, y_type = DType::kF32;  // f32 and bf16
  int64_t n = 0;
  const void* x = nullptr;
  void* y = nullptr;
};

// The largest shapes that a plan will run: what workspace is computed from.
struct OpShapes {
  DType type = DType::kF32;
  int64_t tokens = 0;            // of a micro-batch
  int64_t longest_document = 0;  // tokens
  int64_t hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, intermediate = 0, vocab = 0;
  int64_t head_chunk = 0;        // rows of logits at a time
  bool qkv_bias = false;
  int64_t threads = 1;           // of the compute team (CPU device)
};

// Calls that went a slower way than the device's own best, whose library would not take them.
struct Fallbacks {
  int64_t attention = 0;
  std::string reason;  // of the last
};

class Ops {
 public:
  virtual ~Ops() = default;

  // The one workspace of the compute stream, at least as large as the device's WorkspaceBytes(shapes) said. An operation
  // that does not find enough throws INTERNAL with both numbers. Must be set before the first operation.
  virtual void SetWorkspace(void* data, size_t bytes) = 0;

  virtual void Linear(Stream& stream, const LinearArgs& args) = 0;
  virtual void LinearBackwardInput(Stream& stream, const LinearBackwardInputArgs& args) = 0;
  virtual void LinearBackwardWeight(Stream& stream, const LinearBackwardWeightArgs& args) = 0;
  virtual void RmsNorm(Stream& stream, const RmsNormArgs& args) = 0;
  virtual void RmsNormBackward(Stream& stream, const RmsNormBackwardArgs& args) = 0;
  virtual void QkRotary(Stream& stream, const QkRotaryArgs& args) = 0;
  virtual void QkRotaryBackward(Stream& stream, const QkRotaryBackwardArgs& args) = 0;
  virtual void Attention(Stream& stream, const AttentionArgs& args) = 0;
  virtual void AttentionBackward(Stream& stream, const AttentionBackwardArgs& args) = 0;
  virtual void SwiGlu(Stream& stream, const SwiGluArgs& args) = 0;
  virtual void SwiGluBackward(Stream& stream, const SwiGluBackwardArgs& args) = 0;
  virtual void Embedding(Stream& stream, const EmbeddingArgs& args) = 0;
  virtual void EmbeddingBackward(Stream& stream, const EmbeddingBackwardArgs& args) = 0;
  virtual void CrossEntropy(Stream& stream, const CrossEntropyArgs& args) = 0;
  virtual void Cast(Stream& stream, const CastArgs& args) = 0;

  virtual Fallbacks fallbacks() const { return {}; }
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_OPS_H_
