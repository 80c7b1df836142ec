// Solar Open: DeepSeek V3's router and shared expert behind grouped attention, in every layer.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .head_dim = 128, .max_positions = 131072, .intermediate = 1},
                                spec);  // there is no dense MLP
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 1e6})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr("attention_bias", false);
  ExpertsSpec experts = ReadExperts(
      config,
      {.count = {"num_local_experts", "n_routed_experts"}, .likely_count = 128, .likely_chosen = 8, .likely_width = 1280});
  experts.router = ReadBiasedRouter(config, experts);
  const BlockSpec block =
      WithBodies(PreNormBlock(norm, attention, {}), WithShared(experts, ReadSharedCount(config, "n_shared_experts", 1)));
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;
  NameExperts({}, names);
  Rename(names, {{"experts.choice_bias", "mlp.gate.e_score_correction_bias"}});
}

}  // namespace

extern const Family kSolarOpenFamily;
const Family kSolarOpenFamily = {"SolarOpenForCausalLM", "solar_open", Read};

}  // namespace hlm
