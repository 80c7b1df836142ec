// GLM-4-0414: GLM with norms behind the branches as well.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 2, .head_dim = 128, .max_positions = 131072, .pad_token = 151329}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.partial = 0.5, .interleaved = true})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1.5625e-07);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr("attention_bias", true);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(PostNormBlock(norm, norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;
  Rename(names, {{"mlp.gate_up", "mlp.gate_up_proj.weight"},
                 {"attention.after", "post_self_attn_layernorm.weight"},
                 {"mlp.after", "post_mlp_layernorm.weight"}});
}

}  // namespace

extern const Family kGlm4Family;
const Family kGlm4Family = {"Glm4ForCausalLM", "glm4", Read};

}  // namespace hlm
