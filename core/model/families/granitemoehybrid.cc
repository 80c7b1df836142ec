// Granite 4: Mamba-2 and attention in turns, an MLP with or without experts beside it, Granite's four multipliers.
#include "core/base/error.h"
#include "core/model/families/mixture.h"
#include "core/model/families/state_spaces.h"

namespace hlm {
namespace {

ExpertsSpec ReadRouted(const ConfigValues& config) {
  ExpertsSpec experts =
      ReadExperts(config, {.width = "intermediate_size", .likely_count = 8, .likely_chosen = 2, .likely_width = 11008});
  experts.router.score = RouterScore::kSoftmaxOfChosen;
  return experts;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .intermediate = 11008, .whole_heads = true}, spec);
  const bool mixture = config.IntOr("num_local_experts", 8, 0, kMostExperts) > 0;
  const int64_t shared = config.IntOr("shared_intermediate_size", 1024, mixture ? 0 : 1, kMostIntermediate);
  const MlpSpec mlp{.intermediate = shared};
  const bool turns = config.HasValue("position_embedding_type") && config.Value("position_embedding_type").IsText("rope");
  if (!turns && config.HasValue("position_embedding_type") && !config.Value("position_embedding_type").IsText("nope")) {
    throw Unimplemented(kConfig, ": position_embedding_type = ", PrintableJson(config.Value("position_embedding_type")),
                        " is not supported for ", spec.architecture, "; rope, nope and null are");
  }
  const RopeSpec rope = ReadRope(config, sizes.head_dim, spec.max_positions);
  if (turns) spec.ropes = {rope};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.rope = turns ? 0 : -1;
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.scale = config.RealOr("attention_multiplier", 1.0, 1e-9, 1e9);
  StateSpaceSpec space = ReadStateSpace(config, config.IntOr("mamba_expand", 2, 1, 1 << 10) * spec.hidden);
  space.norm = norm;
  BlockSpec attends = PreNormBlock(norm, attention, mlp);
  if (mixture) {
    std::vector<BodySpec> bodies = {ReadRouted(config)};
    if (shared > 0) bodies.push_back(Shared(shared));
    attends = WithBodies(attends, bodies);
  }
  for (BranchSpec& branch : attends.branches) branch.scale = config.RealOr("residual_multiplier", 1.0, -1e9, 1e9);
  BlockSpec recurs = attends;
  recurs.branches.front().bodies = {{space, {}}};

  const auto types = ReadLayerTypes(config, sizes.layers, {"linear_attention", "mamba", "full_attention"});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(types && (*types)[static_cast<size_t>(layer)] == "full_attention" ? attends : recurs);
  }
  spec.embedding.scale = config.RealOr("embedding_multiplier", 1.0, -1e9, 1e9);
  spec.head.norm = norm;
  spec.head.scale = 1 / config.RealOr("logits_scaling", 1.0, 1e-9, 1e9);

  for (const char* key : {"num_experts_per_tok", "router_aux_loss_coef"}) config.Take(key);
  ReadBalancing(config, 0.001, spec);

  NameStateSpace("mamba.", space, names);
  NamePackedExperts(names);
  Rename(names, {{"mamba.before", "input_layernorm.weight"},
                 {"mlp.gate_up", "shared_mlp.input_linear.weight"},
                 {"mlp.down", "shared_mlp.output_linear.weight"}});
}

}  // namespace

extern const Family kGraniteMoeHybridFamily;
const Family kGraniteMoeHybridFamily = {"GraniteMoeHybridForCausalLM", "granitemoehybrid", Read};

}  // namespace hlm
