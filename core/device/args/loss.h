// The loss of rows of logits. Conventions are those of ops.h.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_LOSS_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_LOSS_H_

#include <cstdint>

#include "core/base/dtype.h"

namespace hlm {

// With y = scale c(logit_scale logits), c(z) = soft_cap tanh(z / soft_cap) or z (scale = 1 / temperature), p = softmax(y[r]) and
// H = -sum p log p, by row:
//   nll[r] = logsumexp(y[r]) - y[r, target[r]], entropies[r] = H, best[r] = logsumexp(y[r]) - max(y[r])
//   dlogits[r] = dy/dlogits (weights[r] (p - onehot(target[r])) + entropy_weights[r] dH/dy), dH/dy[i] = -p[i] (log p[i] + H)
// A row with target < 0 has nll, entropy, best and gradient 0. What is asked for beside nll never changes the bits of nll.
struct CrossEntropyArgs {
  DType type = DType::kF32;  // of dlogits
  int64_t rows = 0, vocab = 0;
  const float* logits = nullptr;           // [rows, vocab]
  const int32_t* targets = nullptr;        // [rows]
  const float* weights = nullptr;          // [rows]; may be null where dlogits is null
  float* nll = nullptr;                    // [rows]
  void* dlogits = nullptr;                 // [rows, vocab] type, or null: no gradient. May equal logits where type is f32
  const float* entropy_weights = nullptr;  // [rows], or null: 0
  float* entropies = nullptr;              // [rows], or null
  float* best = nullptr;                   // [rows], or null: negative log-probability of the likeliest token
  float scale = 1;                         // above 0
  float logit_scale = 1, soft_cap = 0;     // above 0; 0: no cap
};

// y[i] = c(logit_scale x[i]) as in CrossEntropyArgs, in fp32: the logits that a model says.
struct CapLogitsArgs {
  int64_t n = 0;
  float logit_scale = 1, soft_cap = 0;
  const float* x = nullptr;
  float* y = nullptr;  // may equal x
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_LOSS_H_
