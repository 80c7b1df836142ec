// The text models of Qwen2-VL, Qwen2.5-VL and Qwen3-VL: those of Qwen2, Qwen3 and Qwen3-MoE. Positions of pictures have sections of the
// rotary embedding to themselves, which all turn alike where there is text alone.
#include "core/model/families/common.h"
#include "core/model/families/qwen_layers.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read2(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 32768}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 1e6, .sections = true})};
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = true;
  AddWindowedLayers(config, sizes, RmsNorm(config, "rms_norm_eps", 1e-5), attention, {.intermediate = sizes.intermediate}, spec,
                    80);
}

AttentionSpec NormedAttention(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, ModelSpec& spec) {
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 5e5, .sections = true})};
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  return attention;
}

void Read3(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 32, .head_dim = 128, .max_positions = 128000}, spec);
  const NormSpec norm = spec.head.norm = RmsNorm(config);
  const AttentionSpec attention = NormedAttention(config, sizes, norm, spec);
  for (int64_t layer = 0; layer < sizes.layers; ++layer)
    spec.AddLayer(PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}));
}

// The weights of the chosen experts are always normalised.
void Read3Moe(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 16, .max_positions = 128000}, spec);
  ReadBalancing(config, 0.001, spec);
  const NormSpec norm = RmsNorm(config);
  const AttentionSpec attention = NormedAttention(config, sizes, norm, spec);
  ExpertsSpec experts = ReadExperts(config, {.likely_count = 60, .likely_chosen = 4, .likely_width = 1408});
  experts.router.normalize = true;
  config.Take("norm_topk_prob");
  AddQwenLayers(config, sizes, norm, attention, std::vector<int64_t>(static_cast<size_t>(sizes.layers), 0), experts, {}, spec);
  NameExperts({.packed = true}, names);
  names.layer["experts.gate_up"].path = "mlp.experts.gate_up_proj";
  names.layer["experts.down"].path = "mlp.experts.down_proj";
  // Files of the hub have each matrix the other way; transformers reads both. The shapes of one form never fit those of the other.
  NameTable& of_hub = names.other_layers.emplace_back();
  of_hub["experts.gate_up"] = {.path = "mlp.experts.gate_up_proj", .order = RowOrder::kTransposed};
  of_hub["experts.down"] = {.path = "mlp.experts.down_proj", .order = RowOrder::kTransposed};
}

}  // namespace

extern const Family kQwen2VlFamily, kQwen25VlFamily, kQwen3VlFamily, kQwen3VlMoeFamily;
const Family kQwen2VlFamily = {"Qwen2VLTextModel", "qwen2_vl_text", Read2};
const Family kQwen25VlFamily = {"Qwen2_5_VLTextModel", "qwen2_5_vl_text", Read2};
const Family kQwen3VlFamily = {"Qwen3VLTextModel", "qwen3_vl_text", Read3};
const Family kQwen3VlMoeFamily = {"Qwen3VLMoeTextModel", "qwen3_vl_moe_text", Read3Moe};

}  // namespace hlm
