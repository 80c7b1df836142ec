// ModelSpec: the mathematics of a decoder-only transformer, read from config.json. Nothing here knows files or memory.
#ifndef HORIZON_LM_CORE_MODEL_SPEC_H_
#define HORIZON_LM_CORE_MODEL_SPEC_H_

#include <cstdint>
#include <string>
#include <vector>

namespace hlm {

struct RopeSpec {
  enum class Kind { kDefault, kLinear, kLlama3 };
  Kind kind = Kind::kDefault;
  double theta = 10000.0;
  double factor = 1.0;            // kLinear, kLlama3
  double low_frequency_factor = 1.0;   // kLlama3
  double high_frequency_factor = 4.0;  // kLlama3
  int64_t original_max_positions = 8192;  // kLlama3
};

struct ModelSpec {
  std::string architecture;  // "LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"
  int64_t vocab = 0;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 0;         // query heads
  int64_t kv_heads = 0;      // divides heads
  int64_t head_dim = 0;      // even; need not be hidden / heads
  int64_t intermediate = 0;
  int64_t max_positions = 0;  // what the model was made for; longer documents are legal
  double rms_epsilon = 1e-6;
  double initializer_range = 0.02;
  bool tied = false;       // the head uses the embedding's matrix
  bool qkv_bias = false;   // Qwen2, or attention_bias
  bool o_bias = false;     // attention_bias
  bool mlp_bias = false;
  bool qk_norm = false;    // Qwen3: RMS norm over head_dim of each query and key head, before the rotary embedding
  RopeSpec rope;
  std::vector<int64_t> windows;  // [layers]; 0 = full attention; w: position i attends to j with i - w < j <= i

  int64_t QueryWidth() const { return heads * head_dim; }
  int64_t KeyWidth() const { return kv_heads * head_dim; }
  int64_t QkvWidth() const { return QueryWidth() + 2 * KeyWidth(); }
};

// Rotary frequencies theta_i, i in [0, head_dim / 2), after scaling (Llama 3's rule: transformers' ROPE_INIT "llama3").
std::vector<double> RotaryFrequencies(const ModelSpec& spec);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_SPEC_H_
