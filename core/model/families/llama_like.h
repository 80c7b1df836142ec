// Llama's layers with the biases that a configuration asks for.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_LLAMA_LIKE_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_LLAMA_LIKE_H_

#include "core/model/families/common.h"

namespace hlm {

// spec.ropes is there already.
inline void AddLlamaLayers(const ConfigValues& config, const Sizes& sizes, double epsilon, ModelSpec& spec) {
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", epsilon);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_LLAMA_LIKE_H_
