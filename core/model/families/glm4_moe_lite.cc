// GLM-4.7-Flash: DeepSeek V3's block.
#include "core/model/families/mixture.h"
#include "core/model/families/latent.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 20, .head_dim = 64, .max_positions = 202752, .even_heads = false}, spec);
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  const LatentAttentionSpec attention = ReadLatentAttention(
      config, sizes.heads, {.query_rank = 768, .key_rank = 512, .still_dim = 192, .rope_dim = 64, .value_dim = 256}, spec);
  ExpertsSpec experts = ReadExperts(
      config, {.count = {"num_local_experts", "n_routed_experts"}, .likely_count = 64, .likely_chosen = 4, .likely_width = 1536});
  experts.router = ReadBiasedRouter(config, experts, 1.8);
  const BlockSpec dense = LatentBlock(norm, attention, {.intermediate = sizes.intermediate}),
                  sparse = WithBodies(dense, WithShared(experts, ReadSharedCount(config, "n_shared_experts", 1)));
  for (const bool is_sparse : SparseLayers(config, sizes.layers, 1)) spec.AddLayer(is_sparse ? sparse : dense);
  spec.head.norm = norm;
  NameLatentAttention(names);
  NameExperts({}, names);
  Rename(names, {{"experts.choice_bias", "mlp.gate.e_score_correction_bias"}});
  CarryLayersBehind(config, sizes.layers, names);
}

}  // namespace

extern const Family kGlm4MoeLiteFamily;
const Family kGlm4MoeLiteFamily = {"Glm4MoeLiteForCausalLM", "glm4_moe_lite", Read};

}  // namespace hlm
