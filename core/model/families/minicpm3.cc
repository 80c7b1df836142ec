// MiniCPM3: latent attention by halves, with multipliers of the embedding, the branches and the head's input.
#include <cmath>

#include "core/model/families/latent.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(
      config,
      {.kv_heads = 40, .head_dim = 32, .max_positions = 32768, .tied = true, .initializer_range = 0.1, .whole_heads = true},
      spec);
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  const LatentAttentionSpec attention = ReadLatentAttention(
      config, sizes.heads,
      {.query_rank = 768, .key_rank = 256, .still_dim = 64, .rope_dim = 32, .value_dim = std::nullopt, .interleaved = false},
      spec);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  BlockSpec block = LatentBlock(norm, attention, {.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias});
  const double root = std::sqrt(static_cast<double>(sizes.layers));
  const double depth =
      config.Has("scale_depth") && !config.HasValue("scale_depth") ? root : config.RealOr("scale_depth", 1.4, -1e9, 1e9);
  for (BranchSpec& branch : block.branches) branch.scale = depth / root;
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.embedding.scale = config.RealOr("scale_emb", 12, -1e9, 1e9);
  spec.embedding.rounded_scale = true;
  spec.head.norm = norm;
  const bool full = config.Has("dim_model_base") && !config.HasValue("dim_model_base");
  spec.head.scale = full ? 1 : config.RealOr("dim_model_base", 256, 1, 1e9) / static_cast<double>(spec.hidden);
  NameLatentAttention(names);
}

}  // namespace

extern const Family kMiniCpm3Family;
const Family kMiniCpm3Family = {"MiniCPM3ForCausalLM", "minicpm3", Read};

}  // namespace hlm
