// HyperCLOVA X: Granite with norms behind the branches as well.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .whole_heads = true}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  if (config.HasValue("attention_multiplier")) attention.scale = config.Real("attention_multiplier", 1e-9, 1e9);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias};
  BlockSpec block = PostNormBlock(norm, config.BoolOr("use_post_norm", true) ? norm : NormSpec{}, attention, mlp);
  for (BranchSpec& branch : block.branches) branch.scale = config.RealOr("residual_multiplier", 1.0, -1e9, 1e9);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.embedding.scale = config.RealOr("embedding_multiplier", 1.0, -1e9, 1e9);
  spec.head.norm = norm;
  spec.head.scale = config.RealOr("logits_scaling", 1.0, 1e-9, 1e9);
  Rename(names, {{"attention.after", "post_norm1.weight"}, {"mlp.after", "post_norm2.weight"}});
}

}  // namespace

extern const Family kHyperClovaXFamily;
const Family kHyperClovaXFamily = {"HyperCLOVAXForCausalLM", "hyperclovax", Read};

}  // namespace hlm
