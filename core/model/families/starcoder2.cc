// StarCoder2: LayerNorm, an MLP that is not gated, biases everywhere.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes =
      ReadSizes(config, {.kv_heads = 2, .max_positions = 4096, .tied = true, .initializer_range = 0.018042}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = LayerNorm(config, "norm_epsilon", 1e-5, true);
  const bool bias = config.BoolOr("use_bias", true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = bias;
  attention.window = ReadWindow(config, true, std::nullopt).value_or(0);
  const MlpSpec mlp{.intermediate = sizes.intermediate,
                    .function = ReadFunction(config, "hidden_act", Function::kGeluTanh),
                    .gated = false,
                    .in_bias = bias,
                    .out_bias = bias};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
  Rename(names, {{"attention.before_bias", "input_layernorm.bias"},
                 {"mlp.before_bias", "post_attention_layernorm.bias"},
                 {"mlp.up", "mlp.c_fc.weight"},
                 {"mlp.up_bias", "mlp.c_fc.bias"},
                 {"mlp.down", "mlp.c_proj.weight"},
                 {"mlp.down_bias", "mlp.c_proj.bias"}});
}

}  // namespace

extern const Family kStarCoder2Family;
const Family kStarCoder2Family = {"Starcoder2ForCausalLM", "starcoder2", Read};

}  // namespace hlm
