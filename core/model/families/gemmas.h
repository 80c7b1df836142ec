// What Gemma's generations share.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_GEMMAS_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_GEMMAS_H_

#include <cmath>

#include "core/model/families/common.h"

namespace hlm {

// The embedding is multiplied by the root of its width, rounded to the weights' type.
inline void ScaleByWidth(ModelSpec& spec) {
  spec.embedding.scale = std::sqrt(static_cast<double>(spec.hidden));
  spec.embedding.rounded_scale = true;
}

inline double ReadCap(const ConfigValues& config, const char* key, double fallback) {
  if (!config.Has(key)) return fallback;
  return config.HasValue(key) ? config.Real(key, 0.0, 1e9) : 0.0;
}

// Attention and MLP of Gemma 2 and its kin: scale by query_pre_attn_scalar.
inline AttentionSpec GemmaAttention(const ConfigValues& config, const Sizes& sizes) {
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.scale = 1 / std::sqrt(config.RealOr("query_pre_attn_scalar", 256.0, 1e-6, 1e9));
  return attention;
}
inline MlpSpec GemmaMlp(const ConfigValues& config, const Sizes& sizes, const char* key) {
  return {.intermediate = sizes.intermediate, .function = ReadFunction(config, key, Function::kGeluTanh)};
}

inline SizeDefaults GemmaDefaults(int64_t kv_heads, int64_t max_positions) {
  return {.kv_heads = kv_heads, .head_dim = 256, .max_positions = max_positions, .tied = true, .pad_token = 0};
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_GEMMAS_H_
