// OLMo 2: norms behind the branches only, and over all queries and keys at once.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .pad_token = 1}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm = {.norm = norm, .whole = true};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(PostNormBlock({}, norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;
  Rename(names, {{"attention.after", "post_attention_layernorm.weight"}, {"mlp.after", "post_feedforward_layernorm.weight"}});
}

}  // namespace

extern const Family kOlmo2Family;
const Family kOlmo2Family = {"Olmo2ForCausalLM", "olmo2", Read};

}  // namespace hlm
