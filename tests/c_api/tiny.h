// A tiny model and a batch for it, as plain data: for tests of the C ABI and for those of what is behind it.
#ifndef HORIZON_LM_TESTS_C_API_TINY_H_
#define HORIZON_LM_TESTS_C_API_TINY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace hlm_test {

inline constexpr int32_t kVocab = 48;

// Two blocks of a Llama, small enough to train in milliseconds.
inline std::string TinyConfig() {
  return R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 48, "hidden_size": 32,
             "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 64,
             "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
             "tie_word_embeddings": false, "initializer_range": 0.05})";
}

// Two documents of 16 and 11 tokens: 25 predictions.
inline std::vector<int32_t> TinyIds() {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 27; ++i) ids.push_back((i * 7 + 3) % kVocab);
  return ids;
}
inline std::vector<int64_t> TinyOffsets() { return {0, 16, 27}; }

}  // namespace hlm_test

#endif  // HORIZON_LM_TESTS_C_API_TINY_H_
