// AFMoE (Trinity): four norms a layer, gates of attention, a rotary embedding on sliding layers only; sigmoids with a bias for the choice.
#include <cmath>

#include "core/model/families/mixture.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.head_dim = 128, .max_positions = 16384, .intermediate = 6144}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qk_norm.norm = norm;
  attention.gate = true;
  attention.qkv_bias = attention.o_bias = attention.gate_apart =
      config.BoolOr("attention_bias", false);  // which the gate has not
  ExpertsSpec experts = ReadExperts(config, {.likely_count = 64, .likely_chosen = 6, .likely_width = 1408});
  experts.router = {.score = RouterScore::kSigmoid, .choice_bias = true, .normalize = true, .sum_add = 1e-20};
  RefuseUnlessNamed(config, "score_func", {"sigmoid"});
  RefuseUnless(config, "route_norm", Off::kTrue, spec.architecture);
  RefuseUnless(config, "n_group", Off::kOne, spec.architecture);
  experts.router.scale = config.RealOr("route_scale", 1.0, 1e-9, 1e9);
  const std::vector<BodySpec> bodies = WithShared(experts, ReadSharedCount(config, "num_shared_experts", 2));
  const std::optional<int64_t> window = ReadWindow(config, true, 1024);
  const int64_t dense = config.IntOr("num_dense_layers", 1, 0, kMostLayers);
  const std::vector<bool> slides =
      SlidingLayers(config, sizes.layers, config.IntOr("global_attn_every_n_layers", 4, 1, kMostLayers));
  for (size_t layer = 0; layer < slides.size(); ++layer) {
    attention.window = WindowOf(static_cast<int64_t>(layer), slides[layer], window);
    attention.rope = slides[layer] ? 0 : -1;
    const BlockSpec block = PostNormBlock(norm, norm, attention, {.intermediate = sizes.intermediate});
    spec.AddLayer(static_cast<int64_t>(layer) < dense ? block : WithBodies(block, bodies));
  }
  if (config.BoolOr("mup_enabled", false)) spec.embedding.scale = std::sqrt(static_cast<double>(spec.hidden));
  spec.head.norm = norm;
  Rename(names, {{"attention.gate", "self_attn.gate_proj.weight"},
                 {"attention.after", "post_attention_layernorm.weight"},
                 {"mlp.before", "pre_mlp_layernorm.weight"},
                 {"mlp.after", "post_mlp_layernorm.weight"},
                 {"experts.after", "post_mlp_layernorm.weight"},
                 {"experts.choice_bias", "mlp.expert_bias"}});
  NameExperts({.router = "mlp.router.gate.weight"}, names);
}

}  // namespace

extern const Family kAfmoeFamily;
const Family kAfmoeFamily = {"AfmoeForCausalLM", "afmoe", Read};

}  // namespace hlm
