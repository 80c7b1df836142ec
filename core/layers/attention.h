// The attention body.
//
//   qkv = rotary(norm(x Wqkv))     a = softmax(q k^T) v     y = a Wo
#ifndef HORIZON_LM_CORE_LAYERS_ATTENTION_H_
#define HORIZON_LM_CORE_LAYERS_ATTENTION_H_

#include "core/layers/body.h"
#include "core/layers/linear.h"

namespace hlm {

class AttentionBody : public Body {
 public:
  AttentionBody(const AttentionSpec& spec, int64_t hidden, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  AttentionSpec spec_;
  LinearPart qkv_product_, o_;
  int64_t q_norm_ = -1, k_norm_ = -1;                   // weights
  int64_t qkv_, qk_raw_ = -1, qk_rstd_ = -1, out_, lse_;  // saved
  int64_t dqkv_, dout_;                                 // for a moment
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_ATTENTION_H_
