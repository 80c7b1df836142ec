// InternLM3: Llama with its own names for the settings of biases.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes =
      ReadSizes(config, {.kv_heads = 2, .head_dim = 128, .max_positions = 32768, .pad_token = 2, .whole_heads = true}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  const bool attention_bias = config.BoolOr(config.Has("qkv_bias") ? "qkv_bias" : "attention_bias", false);
  const bool mlp_bias = config.BoolOr(config.Has("bias") ? "bias" : "mlp_bias", false);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = attention_bias;
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
}

}  // namespace

extern const Family kInternLm3Family;
const Family kInternLm3Family = {"InternLM3ForCausalLM", "internlm3", Read, "LlamaForCausalLM"};

}  // namespace hlm
