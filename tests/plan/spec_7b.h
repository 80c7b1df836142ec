// A model that plans are made for: Qwen2.5-7B's shape.
#ifndef HORIZON_LM_TESTS_PLAN_SPEC_7B_H_
#define HORIZON_LM_TESTS_PLAN_SPEC_7B_H_

#include "core/model/spec.h"

namespace hlm {

inline ModelSpec Spec7B() {
  ModelSpec s;
  s.vocab = 152064, s.hidden = 3584, s.layers = 28, s.heads = 28, s.kv_heads = 4, s.head_dim = 128, s.intermediate = 18944;
  s.qkv_bias = true;
  s.windows.assign(28, 0);
  return s;
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_PLAN_SPEC_7B_H_
