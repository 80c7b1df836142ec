// Granite with experts and a shared MLP beside them.
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
  std::vector<BodySpec> bodies = {experts};
  const int64_t shared = config.IntOr("shared_intermediate_size", 0, 0, kMostIntermediate);
  if (shared > 0) bodies.push_back(Shared(shared));
  BlockSpec block = WithBodies(PreNormBlock(norm, attention, {}), bodies);
  for (BranchSpec& branch : block.branches) branch.scale = config.RealOr("residual_multiplier", 1.0, -1e9, 1e9);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.embedding.scale = config.RealOr("embedding_multiplier", 1.0, -1e9, 1e9);
  spec.head.norm = norm;
  spec.head.scale = 1 / config.RealOr("logits_scaling", 1.0, 1e-9, 1e9);
  NamePackedExperts(names);
}

}  // namespace

extern const Family kGraniteMoeSharedFamily;
const Family kGraniteMoeSharedFamily = {"GraniteMoeSharedForCausalLM", "granitemoeshared", Read};

}  // namespace hlm
