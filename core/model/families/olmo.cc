// OLMo 1: Llama with norms that have no weights.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .pad_token = 1}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm{.kind = NormType::kLayer, .epsilon = 1e-5, .weight = false, .late_rounding = true};
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.clip = config.HasValue("clip_qkv") ? config.Real("clip_qkv", 1e-9, 1e9) : 0;
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;
}

}  // namespace

extern const Family kOlmoFamily;
const Family kOlmoFamily = {"OlmoForCausalLM", "olmo", Read};

}  // namespace hlm
