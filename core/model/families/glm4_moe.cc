// GLM-4.5 and 4.6: DeepSeek V3's router and shared expert behind grouped attention; the first layers are dense.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 131072}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.partial = 0.5})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr("attention_bias", false);
  if (config.BoolOr("use_qk_norm", false)) attention.qk_norm.norm = norm;
  ExpertsSpec experts = ReadExperts(
      config,
      {.count = {"num_local_experts", "n_routed_experts"}, .likely_count = 128, .likely_chosen = 8, .likely_width = 1408});
  experts.router = ReadBiasedRouter(config, experts);
  const BlockSpec dense = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}),
                  sparse = WithBodies(dense, WithShared(experts, ReadSharedCount(config, "n_shared_experts", 1)));
  for (const bool is_sparse : SparseLayers(config, sizes.layers, 1)) spec.AddLayer(is_sparse ? sparse : dense);
  spec.head.norm = norm;
  NameExperts({}, names);
  Rename(names, {{"experts.choice_bias", "mlp.gate.e_score_correction_bias"}});
  CarryLayersBehind(config, sizes.layers, names);
}

}  // namespace

extern const Family kGlm4MoeFamily;
const Family kGlm4MoeFamily = {"Glm4MoeForCausalLM", "glm4_moe", Read};

}  // namespace hlm
