// Helium: Llama whose pairs of neighbours turn.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 20, .head_dim = 128, .max_positions = 4096, .pad_token = 3}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 1e5, .interleaved = true})};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-8);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr("attention_bias", false);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
}

}  // namespace

extern const Family kHeliumFamily;
const Family kHeliumFamily = {"HeliumForCausalLM", "helium", Read};

}  // namespace hlm
