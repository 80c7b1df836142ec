// A model that plans are made for: Qwen2.5-7B's shape.
#ifndef HORIZON_LM_TESTS_PLAN_SPEC_7B_H_
#define HORIZON_LM_TESTS_PLAN_SPEC_7B_H_

#include "core/model/config.h"

namespace hlm {

inline ModelSpec Spec7B(int64_t layers = 28) {
  return ParseConfig(
      StrCat(R"({"architectures": ["Qwen2ForCausalLM"], "vocab_size": 152064, "hidden_size": 3584, "num_attention_heads": 28,
      "num_key_value_heads": 4, "intermediate_size": 18944, "num_hidden_layers": )",
             layers, "}"));
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_PLAN_SPEC_7B_H_
