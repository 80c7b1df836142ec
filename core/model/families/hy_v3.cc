// Hy3: norms of queries and keys before the rotary embedding; sigmoids with a bias for the choice; shared experts; the first layer is
// dense.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes =
      ReadSizes(config, {.kv_heads = 8, .head_dim = 128, .max_positions = 131072, .initializer_range = 0.006}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 11158840})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  const bool bias = config.BoolOr("mlp_bias", false);
  ExpertsSpec experts = ReadExperts(config, {.likely_count = 192, .likely_chosen = 8, .likely_width = 1536});
  experts.router = {.score = RouterScore::kSigmoid, .choice_bias = true, .normalize = true, .sum_add = 1e-20};
  experts.router.scale = config.RealOr("router_scaling_factor", 2.826, 1e-9, 1e9);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = bias, .out_bias = bias};
  MlpSpec shared = mlp;  // of 0 shared experts the class makes one that is as wide as a dense layer's
  shared.shared = true;
  const int64_t beside = config.IntOr("num_shared_experts", 1, 0, 1024);
  if (beside > 0) shared.intermediate = experts.intermediate * beside;
  const BlockSpec dense = PreNormBlock(norm, attention, mlp), sparse = WithBodies(dense, {experts, shared});
  for (const bool is_sparse : SparseLayers(config, sizes.layers, 1)) spec.AddLayer(is_sparse ? sparse : dense);
  spec.head.norm = norm;
  config.Take("enable_moe_fp32_combine");  // of the rounding of a sum
  NameExperts({.router = "mlp.router.gate.weight", .shared = "mlp.shared_mlp"}, names);
  Rename(names, {{"experts.choice_bias", "mlp.expert_bias"}});
  CarryLayersBehind(config, sizes.layers, names);
}

}  // namespace

extern const Family kHyV3Family;
const Family kHyV3Family = {"HYV3ForCausalLM", "hy_v3", Read};

}  // namespace hlm
