// Jais 2: Llama with LayerNorms and squared ReLU, not gated.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 8192, .whole_heads = true}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = LayerNorm(config, "layer_norm_eps", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", true);
  const bool mlp_bias = config.BoolOr("mlp_bias", true);
  const MlpSpec mlp{.intermediate = sizes.intermediate,
                    .function = ReadFunction(config, "hidden_act", Function::kRelu2),
                    .gated = false,
                    .in_bias = mlp_bias,
                    .out_bias = mlp_bias};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
  Rename(names, {{"attention.before_bias", "input_layernorm.bias"}, {"mlp.before_bias", "post_attention_layernorm.bias"}});
}

}  // namespace

extern const Family kJais2Family;
const Family kJais2Family = {"Jais2ForCausalLM", "jais2", Read};

}  // namespace hlm
