// LFM2: gated short convolutions between layers of attention with norms of queries and keys.
#include "core/base/error.h"
#include "core/model/families/lfm2_layers.h"

namespace hlm {
namespace {

// Whether each layer has attention: by layer_types, or by the list of their numbers, which older files have alone.
std::vector<bool> AttentionLayers(const ConfigValues& config, int64_t layers) {
  std::vector<bool> attends(static_cast<size_t>(layers), true);
  config.Take("full_attn_idxs");
  if (const auto types = ReadLayerTypes(config, layers, {"conv", "full_attention"})) {
    for (size_t l = 0; l < attends.size(); ++l) attends[l] = (*types)[l] == "full_attention";
    return attends;
  }
  if (!config.HasValue("full_attn_idxs")) return attends;
  const JsonValue& list = config.Value("full_attn_idxs");
  if (!list.IsArray()) throw InvalidArgument(kConfig, ": full_attn_idxs must be a list of layers, found ", PrintableJson(list));
  attends.assign(attends.size(), false);
  for (const JsonValue& item : list.Items()) {
    const std::optional<int64_t> layer = item.IsWhole() ? item.Int() : std::nullopt;
    if (!layer || *layer < 0 || *layer >= layers) {
      throw InvalidArgument(kConfig, ": full_attn_idxs holds ", PrintableJson(item), "; there are num_hidden_layers = ", layers,
                            " layers");
    }
    attends[static_cast<size_t>(*layer)] = true;
  }
  return attends;
}

// Two thirds of the width that is given, times a factor, rounded up; or that width itself. Older files call it block_ff_dim.
int64_t FeedForwardWidth(const ConfigValues& config, int64_t given) {
  given = config.IntOr("block_ff_dim", given, 1, kMostIntermediate);
  const bool adjusted = config.BoolOr("block_auto_adjust_ff_dim", true);
  const int64_t multiple = config.IntOr("block_multiple_of", 256, 1, kMostIntermediate);
  config.Take("block_ffn_dim_multiplier");
  if (!adjusted) return given;
  int64_t width = 2 * given / 3;
  if (config.Has("block_ffn_dim_multiplier") && !config.HasValue("block_ffn_dim_multiplier")) return width;
  width = static_cast<int64_t>(config.RealOr("block_ffn_dim_multiplier", 1.0, 1e-3, 1e3) * static_cast<double>(width));
  return (width + multiple - 1) / multiple * multiple;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  Sizes sizes =
      ReadSizes(config, {.kv_heads = 8, .max_positions = 128000, .tied = true, .pad_token = 0, .intermediate = 12288}, spec);
  spec.tied = config.BoolOr("tie_embedding", spec.tied);
  sizes.intermediate = FeedForwardWidth(config, sizes.intermediate);
  if (sizes.intermediate < 1) throw InvalidArgument(kConfig, ": intermediate_size makes a feed-forward layer without a width");
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 1e6})};
  const NormSpec norm = RmsNorm(config, "norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qk_norm.norm = norm;
  const ShortConvSpec conv = ReadShortConv(config, 3);
  const MlpSpec mlp{.intermediate = sizes.intermediate};
  BlockSpec convolves = PreNormBlock(norm, attention, mlp);
  convolves.branches.front().bodies = {{conv, {}}};
  for (const bool attends : AttentionLayers(config, sizes.layers)) {
    spec.AddLayer(attends ? PreNormBlock(norm, attention, mlp) : convolves);
  }
  spec.head.norm = norm;
  for (const char* key : {"conv_use_xavier_init", "block_use_xavier_init", "block_use_swiglu", "block_norm_eps", "block_dim",
                          "block_mlp_init_scale", "block_out_init_scale", "conv_dim", "conv_dim_out", "use_pos_enc"}) {
    config.Take(key);
  }
  NameLfm2Layers(spec, conv, names);
}

}  // namespace

extern const Family kLfm2Family;
const Family kLfm2Family = {"Lfm2ForCausalLM", "lfm2", Read};

}  // namespace hlm
