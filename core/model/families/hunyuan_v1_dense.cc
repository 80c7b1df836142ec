// Hunyuan (dense): norms of queries and keys behind the rotary embedding.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .pad_token = 0}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.alpha = true})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm = {.norm = norm, .after_rope = true};
  RefuseUnless(config, "use_qk_norm", Off::kTrue, spec.architecture);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;
  Rename(names,
         {{"attention.q_norm", "self_attn.query_layernorm.weight"}, {"attention.k_norm", "self_attn.key_layernorm.weight"}});
}

}  // namespace

extern const Family kHunyuanFamily;
const Family kHunyuanFamily = {"HunYuanDenseV1ForCausalLM", "hunyuan_v1_dense", Read};

}  // namespace hlm
