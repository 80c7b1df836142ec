// ERNIE 4.5 (dense): Llama whose pairs of neighbours turn.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes =
      ReadSizes(config, {.kv_heads = 2, .head_dim = 128, .max_positions = 131072, .tied = true, .pad_token = 0}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 5e5, .interleaved = true})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  const bool bias = config.BoolOr("use_bias", false);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = bias;
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = bias, .out_bias = bias};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
}

}  // namespace

extern const Family kErnie45Family;
const Family kErnie45Family = {"Ernie4_5ForCausalLM", "ernie4_5", Read};

}  // namespace hlm
