// Qwen3-MoE: Qwen3 with experts in every layer, or every few.
#include "core/model/families/mixture.h"
#include "core/model/families/qwen_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 4, .max_positions = 32768}, spec);
  ReadBalancing(config, 0.001, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  AddQwenLayers(config, sizes, norm, attention,
                ReadQwenExperts(config, {.likely_count = 128, .likely_chosen = 8, .likely_width = 768}, spec), {}, spec);
  NameExperts({}, names);
}

}  // namespace

extern const Family kQwen3MoeFamily;
const Family kQwen3MoeFamily = {"Qwen3MoeForCausalLM", "qwen3_moe", Read};

}  // namespace hlm
