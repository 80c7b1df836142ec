// Granite 3 with experts: a softmax over the chosen; a file packs the matrices of all experts.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048}, spec);
  ReadBalancing(config, 0.001, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.scale = config.RealOr("attention_multiplier", 1.0, 1e-9, 1e9);
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 8, .likely_chosen = 2});
  experts.router.score = RouterScore::kSoftmaxOfChosen;
  BlockSpec block = WithBodies(PreNormBlock(norm, attention, {}), {experts});
  for (BranchSpec& branch : block.branches) branch.scale = config.RealOr("residual_multiplier", 1.0, -1e9, 1e9);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.embedding.scale = config.RealOr("embedding_multiplier", 1.0, -1e9, 1e9);
  spec.head.norm = norm;
  spec.head.scale = 1 / config.RealOr("logits_scaling", 1.0, 1e-9, 1e9);
  NamePackedExperts(names);
}

}  // namespace

extern const Family kGraniteMoeFamily;
const Family kGraniteMoeFamily = {"GraniteMoeForCausalLM", "granitemoe", Read};

}  // namespace hlm
