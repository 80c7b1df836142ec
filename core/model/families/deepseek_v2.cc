// DeepSeek V2: latent attention; a softmax over all experts, by groups or not, not normalised; shared experts; the first layers are dense.
#include "core/model/families/mixture.h"

#include "core/base/error.h"
#include "core/model/families/latent.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .even_heads = false, .whole_heads = true}, spec);
  const NormSpec norm = RmsNorm(config);
  const LatentAttentionSpec attention = ReadLatentAttention(config, sizes.heads, {}, spec);
  ExpertsSpec experts =
      ReadExperts(config, {.count = {"num_local_experts", "n_routed_experts"}, .likely_count = 64, .likely_width = 1407});
  const std::string method = config.HasValue("topk_method") ? config.String("topk_method") : "greedy";
  if (method == "group_limited_greedy") {
    ReadGroups(config, experts.count, experts.router);
  } else if (method != "greedy") {
    throw Unimplemented(kConfig, ": topk_method = ", Printable(method), " is not supported; greedy and group_limited_greedy are");
  }
  RefuseUnlessNamed(config, "scoring_func", {"softmax"});
  for (const char* key : {"n_group", "topk_group", "norm_topk_prob"}) config.Take(key);  // the last is not read by transformers
  experts.router.scale = config.RealOr("routed_scaling_factor", 1.0, 1e-9, 1e9);
  const bool bias = config.BoolOr("mlp_bias", false);  // of all MLPs that are not routed
  const BlockSpec dense = LatentBlock(norm, attention, {.intermediate = sizes.intermediate, .in_bias = bias, .out_bias = bias}),
                  sparse = WithBodies(dense, WithShared(experts, ReadSharedCount(config, "n_shared_experts", 2), bias));
  for (const bool is_sparse : SparseLayers(config, sizes.layers, 0)) spec.AddLayer(is_sparse ? sparse : dense);
  spec.head.norm = norm;
  NameLatentAttention(names);
  NameExperts({}, names);
}

}  // namespace

extern const Family kDeepseekV2Family;
const Family kDeepseekV2Family = {"DeepseekV2ForCausalLM", "deepseek_v2", Read};

}  // namespace hlm
