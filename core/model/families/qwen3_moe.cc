// Qwen3-MoE: Qwen3 with experts in every layer, or every few.
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
  const std::vector<int64_t> windows(static_cast<size_t>(sizes.layers), ReadWindow(config, false).value_or(0));
  config.Take("max_window_layers");  // which counts for nothing
  ReadLayerTypes(config, sizes.layers, {"full_attention"});
  AddQwenLayers(config, sizes, norm, attention, windows,
                ReadQwenExperts(config, {.likely_count = 128, .likely_chosen = 8, .likely_width = 768}, false), {}, spec);
  NameExperts({}, names);
}

}  // namespace

extern const Family kQwen3MoeFamily;
const Family kQwen3MoeFamily = {"Qwen3MoeForCausalLM", "qwen3_moe", Read};

}  // namespace hlm
