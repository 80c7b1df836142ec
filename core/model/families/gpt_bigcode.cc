// StarCoder 1: GPT-2 with one key head, and matrices that lie as they are used.
#include "core/model/families/common.h"
#include "core/model/families/gpt2_sizes.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  Sizes sizes = ReadGpt2Sizes(config, spec);
  const bool one_key = config.BoolOr("multi_query", true);
  if (one_key) sizes.kv_heads = 1;
  const NormSpec norm = LayerNorm(config, "layer_norm_epsilon", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.rope = -1;
  attention.qkv_bias = attention.o_bias = true;
  if (!config.BoolOr("scale_attn_weights", true)) attention.scale = 1;
  const MlpSpec mlp = Gpt2Mlp(config, sizes);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
  NameGpt2(names);
  const RowOrder order = one_key ? RowOrder::kAsIs : RowOrder::kGrouped;
  names.layer["attention.qkv"] = {"attn.c_attn.weight", order, sizes.heads};
  names.layer["attention.qkv_bias"] = {"attn.c_attn.bias", order, sizes.heads};
}

}  // namespace

extern const Family kGptBigCodeFamily;
const Family kGptBigCodeFamily = {"GPTBigCodeForCausalLM", "gpt_bigcode", Read};

}  // namespace hlm
