// LFM2 with experts: LFM2's mixers; sigmoids with a bias for the choice, behind dense layers.
#include "core/base/error.h"
#include "core/model/families/lfm2_layers.h"
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes =
      ReadSizes(config, {.kv_heads = 8, .max_positions = 128000, .tied = true, .pad_token = 0, .intermediate = 7168}, spec);
  spec.tied = config.BoolOr("tie_embedding", spec.tied);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 1e6})};
  const NormSpec norm = RmsNorm(config, "norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qk_norm.norm = norm;
  const ShortConvSpec conv = ReadShortConv(config, 3);
  ExpertsSpec experts = ReadExperts(config, {.likely_count = 32, .likely_chosen = 4, .likely_width = 1792});
  experts.router = {.score = RouterScore::kSigmoid, .choice_bias = config.BoolOr("use_expert_bias", true), .sum_add = 1e-6};
  experts.router.normalize = config.BoolOr("norm_topk_prob", true);
  experts.router.scale = config.RealOr("routed_scaling_factor", 1.0, 1e-9, 1e9);
  const int64_t dense = config.IntOr("num_dense_layers", 2, 0, kMostLayers);
  const auto types = ReadLayerTypes(config, sizes.layers, {"conv", "full_attention"});
  if (!types) throw InvalidArgument(kConfig, ": layer_types is missing");
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    BlockSpec block = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate});
    if ((*types)[static_cast<size_t>(layer)] == "conv") block.branches.front().bodies = {{conv, {}}};
    spec.AddLayer(layer < dense ? block : WithBodies(block, {experts}));
  }
  spec.head.norm = norm;
  NameLfm2Layers(spec, conv, names);
  NameExperts({.router = "feed_forward.gate.weight", .experts = "feed_forward.experts", .gate = "w1", .up = "w3", .down = "w2"},
              names);
  Rename(names, {{"experts.choice_bias", "feed_forward.expert_bias"}});
}

}  // namespace

extern const Family kLfm2MoeFamily;
const Family kLfm2MoeFamily = {"Lfm2MoeForCausalLM", "lfm2_moe", Read};

}  // namespace hlm
