// The tensors that a block's forward pass makes and its backward pass reads, their sizes, and which of them a policy keeps.
//
// In bf16, with hidden h, qkv width q and intermediate i, `keep` holds 10 h + 2 q + 6 i bytes a token (the block's input, which
// lies elsewhere, is 2 h of them), `keep-cheap` 6 h + 2 q + 4 i, `recompute` the input alone. What keep-cheap drops costs no
// matrix product to make again. Models with query/key norms also keep the unnormed queries and keys.
#ifndef HORIZON_LM_CORE_PLAN_ACTIVATIONS_H_
#define HORIZON_LM_CORE_PLAN_ACTIVATIONS_H_

#include <array>
#include <cstdint>

#include "core/base/checked.h"
#include "core/base/dtype.h"
#include "core/model/spec.h"
#include "core/plan/plan.h"

namespace hlm {

enum class Activation {
  kInputNorm,    // [tokens, hidden]
  kQkv,          // [tokens, qkv], after norm and rotary embedding
  kQkRaw,        // [tokens, q + k] before the query/key norm; models with one
  kAttention,    // [tokens, q]
  kMiddle,       // [tokens, hidden]: input + attention's output
  kPostNorm,     // [tokens, hidden]
  kGateUp,       // [tokens, 2 intermediate]
  kProduct,      // [tokens, intermediate]: silu(gate) up
  kInputRstd,    // [tokens] fp32
  kPostRstd,     // [tokens] fp32
  kQkRstd,       // [tokens, heads + kv_heads] fp32; models with a query/key norm
  kLse,          // [tokens, heads] fp32
};
inline constexpr int kActivationCount = 12;

// Gradients of activations while one micro-batch of a block goes backward.
enum class BackwardBuffer { kProduct, kGateUp, kNorm, kQkv, kAttention };
inline constexpr int kBackwardBufferCount = 5;

inline std::array<int64_t, kActivationCount> ActivationBytes(const ModelSpec& s, DType type) {  // a token
  const int64_t e = static_cast<int64_t>(SizeOf(type));
  const int64_t qk = s.qk_norm ? 1 : 0;
  return {e * s.hidden,        e * s.QkvWidth(),         qk * e * (s.QueryWidth() + s.KeyWidth()),
          e * s.QueryWidth(),  e * s.hidden,             e * s.hidden,
          2 * e * s.intermediate, e * s.intermediate,    4,
          4,                   qk * 4 * (s.heads + s.kv_heads), 4 * s.heads};
}

inline std::array<int64_t, kBackwardBufferCount> BackwardBytes(const ModelSpec& s, DType type) {  // a token
  const int64_t e = static_cast<int64_t>(SizeOf(type));
  return {e * s.intermediate, 2 * e * s.intermediate, e * s.hidden, e * s.QkvWidth(), e * s.QueryWidth()};
}

inline bool Keeps(Activations policy, Activation a) {
  if (policy == Activations::kRecompute) return false;
  if (policy == Activations::kKeep) return true;
  return a != Activation::kInputNorm && a != Activation::kPostNorm && a != Activation::kProduct;
}

// Byte offset of each kept tensor from the start of a block's stash for `tokens` tokens, -1 where it is not kept, and the
// stash's size in `total`. With policy kKeep this is also the layout of the scratch space.
struct StashLayout {
  std::array<int64_t, kActivationCount> offsets;
  int64_t total = 0;
};
inline StashLayout MakeStashLayout(const ModelSpec& spec, DType type, Activations policy, int64_t tokens) {
  StashLayout layout;
  const auto bytes = ActivationBytes(spec, type);
  for (int a = 0; a < kActivationCount; ++a) {
    if (!Keeps(policy, static_cast<Activation>(a)) || bytes[a] == 0) {
      layout.offsets[a] = -1;
      continue;
    }
    layout.offsets[a] = layout.total;
    layout.total += RoundUp(CheckedMul(bytes[a], tokens), 256);
  }
  return layout;
}

struct BackwardLayout {
  std::array<int64_t, kBackwardBufferCount> offsets;
  int64_t total = 0;
};
inline BackwardLayout MakeBackwardLayout(const ModelSpec& spec, DType type, int64_t tokens) {
  BackwardLayout layout;
  const auto bytes = BackwardBytes(spec, type);
  for (int b = 0; b < kBackwardBufferCount; ++b) {
    layout.offsets[b] = layout.total;
    layout.total += RoundUp(CheckedMul(bytes[b], tokens), 256);
  }
  return layout;
}

// The head's buffers for one micro-batch: normed states and their gradient, rstd, one chunk of logits and of their gradient.
struct HeadLayout {
  int64_t normed, dnormed, rstd, logits, dlogits;
  int64_t total = 0;
};
inline HeadLayout MakeHeadLayout(const ModelSpec& s, DType type, int64_t tokens, int64_t chunk, bool backward) {
  HeadLayout h{};
  const int64_t e = static_cast<int64_t>(SizeOf(type));
  const auto take = [&](int64_t bytes) {
    const int64_t at = h.total;
    h.total += RoundUp(bytes, 256);
    return at;
  };
  h.normed = take(CheckedMul(tokens, e * s.hidden));
  h.rstd = take(4 * tokens);
  h.logits = take(CheckedMul(chunk, 4 * s.vocab));
  h.dnormed = backward ? take(CheckedMul(tokens, e * s.hidden)) : 0;
  // In f32 the gradient takes the place of the logits.
  h.dlogits = backward && type != DType::kF32 ? take(CheckedMul(chunk, e * s.vocab)) : h.logits;
  return h;
}

// What goes up before a step and comes down after it: ids, targets, positions, weights, losses [tokens] each, and the offsets of
// each micro-batch's documents (a micro-batch has at least one document, so 2 tokens + 1 offsets are enough). Behind them, and
// moved only where they are asked for: weights of entropies, entropies, and the best tokens' losses [tokens].
struct BatchLayout {
  int64_t ids, targets, positions, weights, losses, offsets, entropy_weights, entropies, best;
  int64_t total = 0;
};
inline BatchLayout MakeBatchLayout(int64_t tokens) {
  BatchLayout b{};
  const auto take = [&](int64_t bytes) {
    const int64_t at = b.total;
    b.total += RoundUp(bytes, 256);
    return at;
  };
  b.ids = take(4 * tokens);
  b.targets = take(4 * tokens);
  b.positions = take(4 * tokens);
  b.weights = take(4 * tokens);
  b.losses = take(4 * tokens);
  b.offsets = take(4 * (2 * tokens + 1));
  b.entropy_weights = take(4 * tokens);
  b.entropies = take(4 * tokens);
  b.best = take(4 * tokens);
  return b;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_ACTIVATIONS_H_
