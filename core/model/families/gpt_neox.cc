// GPT-NeoX and Pythia: attention and MLP beside each other, each with its norm; q, k and v fused by head.
#include "core/model/families/common.h"
#include "core/model/families/rope_rules.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .whole_heads = true}, spec);
  spec.embedding.pad_token = -1;  // no padding_idx here
  const RopeRules rules{.theta = "rotary_emb_base", .partial = "rotary_pct", .partly = true};
  spec.ropes = {ReadRopeBy(rules, config, sizes.head_dim, spec.max_positions, {.partial = 0.25})};
  config.Take("partial_rotary_factor");  // which has no say beside the settings
  const NormSpec norm = LayerNorm(config, "layer_norm_eps", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", true);
  const MlpSpec mlp{.intermediate = sizes.intermediate,
                    .function = ReadFunction(config, "hidden_act", Function::kGelu),
                    .gated = false,
                    .in_bias = true,
                    .out_bias = true};
  BlockSpec parallel;
  parallel.branches.push_back({.bodies = {{attention, norm}, {mlp, norm}}});
  const bool beside = config.BoolOr("use_parallel_residual", true);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(beside ? parallel : PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
  names.prefix = "gpt_neox.";
  names.embedding = "embed_in.weight";
  names.final_norm = "final_layer_norm.weight";
  names.final_norm_bias = "final_layer_norm.bias";
  names.head = "embed_out.weight";
  names.ignored_suffixes = {".attention.bias", ".attention.masked_bias"};
  names.layer["attention.qkv"] = {"attention.query_key_value.weight", RowOrder::kGrouped, sizes.heads};
  names.layer["attention.qkv_bias"] = {"attention.query_key_value.bias", RowOrder::kGrouped, sizes.heads};
  Rename(names, {{"attention.before_bias", "input_layernorm.bias"},
                 {"mlp.before_bias", "post_attention_layernorm.bias"},
                 {"attention.o", "attention.dense.weight"},
                 {"attention.o_bias", "attention.dense.bias"},
                 {"mlp.up", "mlp.dense_h_to_4h.weight"},
                 {"mlp.up_bias", "mlp.dense_h_to_4h.bias"},
                 {"mlp.down", "mlp.dense_4h_to_h.weight"},
                 {"mlp.down_bias", "mlp.dense_4h_to_h.bias"}});
}

}  // namespace

extern const Family kGptNeoXFamily;
const Family kGptNeoXFamily = {"GPTNeoXForCausalLM", "gpt_neox", Read};

}  // namespace hlm
