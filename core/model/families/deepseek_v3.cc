// DeepSeek V3 and R1, Kimi K2: latent attention; sigmoids with a bias for the choice, in groups; shared experts; the first layers are dense.
#include "core/model/families/mixture.h"

#include "core/base/error.h"
#include "core/model/families/latent.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 128, .max_positions = 4096}, spec);
  const NormSpec norm = RmsNorm(config);
  const LatentAttentionSpec attention = ReadLatentAttention(config, sizes.heads, {}, spec);
  ExpertsSpec experts = ReadExperts(
      config,
      {.count = {"num_local_experts", "n_routed_experts"}, .likely_count = 256, .likely_chosen = 8, .likely_width = 2048});
  if (!config.HasValue("n_group")) throw InvalidArgument(kConfig, ": n_group is missing");
  experts.router = ReadBiasedRouter(config, experts, 2.5);
  const MlpSpec shared = Shared(experts.intermediate * config.IntOr("n_shared_experts", 1, 1, 1024));
  const BlockSpec dense = LatentBlock(norm, attention, {.intermediate = sizes.intermediate}),
                  sparse = WithBodies(dense, {experts, shared});
  for (const bool is_sparse : SparseLayers(config, sizes.layers, 3)) spec.AddLayer(is_sparse ? sparse : dense);
  spec.head.norm = norm;
  NameLatentAttention(names);
  NameExperts({}, names);
  Rename(names, {{"experts.choice_bias", "mlp.gate.e_score_correction_bias"}});
  CarryLayersBehind(config, sizes.layers, names);
}

}  // namespace

extern const Family kDeepseekV3Family;
const Family kDeepseekV3Family = {"DeepseekV3ForCausalLM", "deepseek_v3", Read};

}  // namespace hlm
