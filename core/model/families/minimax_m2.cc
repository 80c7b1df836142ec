// MiniMax-M2: sigmoids with a bias for the choice, norms over all queries and keys at once, a part of each head turns.
#include "core/model/families/mixture.h"
#include "core/model/families/rope_rules.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .head_dim = 128, .max_positions = 196608}, spec);
  ReadBalancing(config, 0.001, spec);
  const double partial = config.HasValue("rotary_dim") ? static_cast<double>(config.Int("rotary_dim", 2, sizes.head_dim)) /
                                                             static_cast<double>(sizes.head_dim)
                                                       : 1.0;
  spec.ropes = {ReadRopeBy({.partly = true}, config, sizes.head_dim, spec.max_positions, {.theta = 5e6, .partial = partial})};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qk_norm = {.norm = norm, .whole = true};
  RefuseUnless(config, "use_qk_norm", Off::kTrue, spec.architecture);
  RefuseUnlessNamed(config, "qk_norm_type", {"per_layer"});
  RefuseUnlessNamed(config, "scoring_func", {"sigmoid"});
  RefuseUnless(config, "use_routing_bias", Off::kTrue, spec.architecture);
  RefuseUnless(config, "shared_intermediate_size", Off::kZero, spec.architecture);
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 256, .likely_chosen = 8});
  experts.router = {.score = RouterScore::kSigmoid, .choice_bias = true, .normalize = true};
  const BlockSpec block = WithBodies(PreNormBlock(norm, attention, {}), {experts});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;
  MixtureNames paths = kBlockSparseMoe;
  paths.own_choice_bias = "mlp.e_score_correction_bias";
  NameExperts(paths, names);
  Rename(names, {{"experts.choice_bias", "block_sparse_moe.e_score_correction_bias"}});
}

}  // namespace

extern const Family kMiniMaxM2Family;
const Family kMiniMaxM2Family = {"MiniMaxM2ForCausalLM", "minimax_m2", Read};

}  // namespace hlm
