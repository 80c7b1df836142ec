// Hunyuan (MoE): norms of queries and keys behind the rotary embedding; a shared MLP beside the experts.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .pad_token = 0}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.alpha = true})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm = {.norm = norm, .after_rope = true};
  for (const char* key : {"use_qk_norm", "use_cla"}) config.Take(key);
  ExpertsSpec experts = ReadExperts(config, {.chosen = "moe_topk", .width = "intermediate_size"}, spec.architecture);
  experts.router.normalize = true;
  const BlockSpec block = WithBodies(PreNormBlock(norm, attention, {}), {experts, Shared(sizes.intermediate)});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;
  NameExperts({.router = "mlp.gate.wg.weight", .shared = "mlp.shared_mlp"}, names);
  Rename(names,
         {{"attention.q_norm", "self_attn.query_layernorm.weight"}, {"attention.k_norm", "self_attn.key_layernorm.weight"}});
}

}  // namespace

extern const Family kHunyuanMoeFamily;
const Family kHunyuanMoeFamily = {"HunYuanMoEV1ForCausalLM", "hunyuan_v1_moe", Read};

}  // namespace hlm
