// Hunyuan (MoE): norms of queries and keys behind the rotary embedding; a shared MLP beside the experts.
#include "core/base/counted.h"
#include "core/base/error.h"
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
  RefuseUnless(config, "use_qk_norm", Off::kTrue, spec.architecture);
  const bool by_layer = config.HasValue("moe_topk") && config.Value("moe_topk").IsArray();
  const std::vector<int64_t> chosen = by_layer ? ReadNumbers(config, "moe_topk") : std::vector<int64_t>{};
  if (by_layer && static_cast<int64_t>(chosen.size()) < sizes.layers) {
    throw InvalidArgument(kConfig, ": moe_topk has ", Counted(chosen.size(), "number"),
                          " for num_hidden_layers = ", sizes.layers);
  }
  ExpertsSpec experts = ReadExperts(
      config,
      {.chosen = by_layer ? "num_experts" : "moe_topk", .width = "intermediate_size", .likely_count = 1, .likely_chosen = 1});
  for (const char* key : {"moe_intermediate_size", "num_shared_expert", "use_mixed_mlp_moe"})
    config.Take(key);  // which nobody reads
  experts.router.normalize = true;
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    if (by_layer) experts.chosen = chosen[static_cast<size_t>(layer)];
    if (experts.chosen < 1 || experts.chosen > experts.count) {
      throw InvalidArgument(kConfig, ": moe_topk holds ", experts.chosen, "; the model has ", Counted(experts.count, "expert"));
    }
    spec.AddLayer(WithBodies(PreNormBlock(norm, attention, {}), {experts, Shared(sizes.intermediate)}));
  }
  spec.head.norm = norm;
  NameExperts({.router = "mlp.gate.wg.weight", .shared = "mlp.shared_mlp"}, names);
  Rename(names,
         {{"attention.q_norm", "self_attn.query_layernorm.weight"}, {"attention.k_norm", "self_attn.key_layernorm.weight"}});
}

}  // namespace

extern const Family kHunyuanMoeFamily;
const Family kHunyuanMoeFamily = {"HunYuanMoEV1ForCausalLM", "hunyuan_v1_moe", Read};

}  // namespace hlm
