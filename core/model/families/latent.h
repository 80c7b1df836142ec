// Latent attention as configuration classes of transformers write it (DeepSeek V2, V3 and their kin).
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_LATENT_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_LATENT_H_

#include "core/model/families/common.h"

namespace hlm {

struct LatentDefaults {
  std::optional<int64_t> query_rank = 1536;  // nothing: queries without a latent
  int64_t key_rank = 512, still_dim = 128, rope_dim = 64;
  std::optional<int64_t> value_dim = 128;  // nothing: hidden_size / num_attention_heads
  bool interleaved = true;
  bool positions = true;  // false: nothing turns
  bool head_dim = true;   // false: the class does not read the key
};

// Reads q_lora_rank, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim, attention_bias and the rotary embedding, which
// becomes the model's only one. `spec`: its sizes are there.
LatentAttentionSpec ReadLatentAttention(const ConfigValues& config, int64_t heads, const LatentDefaults& defaults,
                                        ModelSpec& spec);

// Names of its tensors.
void NameLatentAttention(ModelNames& names);

BlockSpec LatentBlock(const NormSpec& norm, const LatentAttentionSpec& attention, const MlpSpec& mlp);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_LATENT_H_
