// FlexOlmo: OLMo 2 with experts in every layer.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 4096, .pad_token = 100277}, spec);
  ReadBalancing(config, 0.01, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 5e5})};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm = {.norm = norm, .whole = true};
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 7, .likely_chosen = 5});
  experts.router.normalize = config.BoolOr("norm_topk_prob", false);
  const BlockSpec block = WithBodies(PostNormBlock({}, norm, attention, {}), {experts});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;
  NameExperts({}, names);
  Rename(names, {{"attention.after", "post_attention_layernorm.weight"}, {"experts.after", "post_feedforward_layernorm.weight"}});
}

}  // namespace

extern const Family kFlexOlmoFamily;
const Family kFlexOlmoFamily = {"FlexOlmoForCausalLM", "flex_olmo", Read};

}  // namespace hlm
