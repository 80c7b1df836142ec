// Persimmon: LayerNorm, squared ReLU, q, k and v fused by head.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 16384}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.partial = 0.5, .odd = false})};
  const NormSpec norm = LayerNorm(config, "layer_norm_eps", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = true;
  if (config.BoolOr("qk_layernorm", true)) attention.qk_norm.norm = norm;
  const MlpSpec mlp{.intermediate = sizes.intermediate,
                    .function = ReadFunction(config, "hidden_act", Function::kRelu2),
                    .gated = false,
                    .in_bias = true,
                    .out_bias = true};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
  names.final_norm = "final_layernorm.weight";
  names.final_norm_bias = "final_layernorm.bias";
  names.layer["attention.qkv"] = {"self_attn.query_key_value.weight", RowOrder::kGrouped, sizes.heads};
  names.layer["attention.qkv_bias"] = {"self_attn.query_key_value.bias", RowOrder::kGrouped, sizes.heads};
  Rename(names, {{"attention.before_bias", "input_layernorm.bias"},
                 {"mlp.before_bias", "post_attention_layernorm.bias"},
                 {"attention.o", "self_attn.dense.weight"},
                 {"attention.o_bias", "self_attn.dense.bias"},
                 {"attention.q_norm", "self_attn.q_layernorm.weight"},
                 {"attention.q_norm_bias", "self_attn.q_layernorm.bias"},
                 {"attention.k_norm", "self_attn.k_layernorm.weight"},
                 {"attention.k_norm_bias", "self_attn.k_layernorm.bias"},
                 {"mlp.up", "mlp.dense_h_to_4h.weight"},
                 {"mlp.up_bias", "mlp.dense_h_to_4h.bias"},
                 {"mlp.down", "mlp.dense_4h_to_h.weight"},
                 {"mlp.down_bias", "mlp.dense_4h_to_h.bias"}});
}

}  // namespace

extern const Family kPersimmonFamily;
const Family kPersimmonFamily = {"PersimmonForCausalLM", "persimmon", Read};

}  // namespace hlm
