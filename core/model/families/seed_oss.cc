// Seed-OSS: Llama with biases on queries, keys and values.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .head_dim = 128, .max_positions = 524288, .pad_token = 1}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr("attention_bias", true);
  attention.o_bias = config.BoolOr("attention_out_bias", false);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
}

}  // namespace

extern const Family kSeedOssFamily;
const Family kSeedOssFamily = {"SeedOssForCausalLM", "seed_oss", Read};

}  // namespace hlm
