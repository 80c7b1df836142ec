// Phi-3.5-MoE: LayerNorms, biases, and a router by sparsemixer, as it is when nothing is sampled.
#include "core/model/families/mixture.h"

#include "core/base/error.h"

namespace hlm {
namespace {

// short_mscale and long_mscale are factors of cosines and sines; transformers takes the short frequencies for all lengths.
RopeSpec ReadMixedRope(const ConfigValues& config, const Sizes& sizes, const ModelSpec& spec) {
  RopeSpec rope =
      ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 1e6, .own_keys = {"short_mscale", "long_mscale"}});
  rope.long_factors = rope.short_factors;
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (rope.kind == RopeSpec::Kind::kDefault || !config.HasValue(key)) continue;
    const ConfigValues own(config.Value(key), config.where() + ": " + key);
    rope.attention_factor = own.Real("short_mscale", 0, 1e3);
    rope.long_attention_factor = own.Real("long_mscale", 1e-9, 1e3);
  }
  // One factor for all lengths.
  if (rope.long_attention_factor == rope.attention_factor) rope.long_attention_factor = 0;
  return rope;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 131072}, spec);
  ReadBalancing(config, 0.001, spec);
  spec.ropes = {ReadMixedRope(config, sizes, spec)};
  const NormSpec norm = LayerNorm(config, "rms_norm_eps", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.window = ReadWindow(config, true, std::nullopt).value_or(0);
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 16, .likely_chosen = 2});
  // Training in transformers samples the choice; here it stays what evaluation has.
  experts.router = {.score = RouterScore::kSparseMixer, .nearness = 2 * config.RealOr("router_jitter_noise", 0.01, 0, 1e3)};
  if (experts.chosen != 2) throw Unimplemented(kConfig, ": num_experts_per_tok is ", experts.chosen, "; sparsemixer chooses 2");
  const BlockSpec block = WithBodies(PreNormBlock(norm, attention, {}), {experts});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;
  spec.head.bias = config.BoolOr("lm_head_bias", false);
  MixtureNames paths = kBlockSparseMoe;
  paths.own_router = "mlp.router.weight";
  NameExperts(paths, names);
  Rename(names, {{"attention.before_bias", "input_layernorm.bias"}, {"experts.before_bias", "post_attention_layernorm.bias"}});
}

}  // namespace

extern const Family kPhiMoeFamily;
const Family kPhiMoeFamily = {"PhimoeForCausalLM", "phimoe", Read};

}  // namespace hlm
