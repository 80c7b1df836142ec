// Bamba: Mamba-2 in most layers, attention with half rotated heads in some.
#include "core/base/error.h"
#include "core/model/families/common.h"
#include "core/model/families/rope_rules.h"
#include "core/model/families/state_spaces.h"

namespace hlm {
namespace {

std::vector<bool> AttentionLayers(const ConfigValues& config, int64_t layers) {
  std::vector<bool> attends(static_cast<size_t>(layers), false);
  if (!config.HasValue("attn_layer_indices")) return attends;
  const JsonValue& list = config.Value("attn_layer_indices");
  if (!list.IsArray())
    throw InvalidArgument(kConfig, ": attn_layer_indices must be a list of layers, found ", PrintableJson(list));
  for (const JsonValue& item : list.Items()) {
    const std::optional<int64_t> layer = item.IsWhole() ? item.Int() : std::nullopt;
    if (!layer || *layer < 0)
      throw InvalidArgument(kConfig, ": attn_layer_indices holds ", PrintableJson(item), ", which is no layer");
    if (*layer < layers) attends[static_cast<size_t>(*layer)] = true;
  }
  return attends;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 262144, .pad_token = 0, .whole_heads = true}, spec);
  spec.ropes = {ReadRopeBy({.partial = nullptr, .partly = true}, config, sizes.head_dim, spec.max_positions, {.partial = 0.5})};
  config.Take("partial_rotary_factor");  // half, whatever it says there
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias};
  StateSpaceSpec space = ReadStateSpace(config, config.IntOr("mamba_expand", 2, 1, 1 << 10) * spec.hidden);
  space.norm = norm;
  const BlockSpec attends = PreNormBlock(norm, attention, mlp);
  BlockSpec recurs = attends;
  recurs.branches.front().bodies = {{space, {}}};
  for (const bool attention_layer : AttentionLayers(config, sizes.layers)) spec.AddLayer(attention_layer ? attends : recurs);
  spec.head.norm = norm;
  RefuseUnless(config, "z_loss_coefficient", Off::kZero, spec.architecture);

  names.final_norm = "final_layernorm.weight";
  NameStateSpace("mamba.", space, names);
  Rename(names, {{"mamba.before", "input_layernorm.weight"},
                 {"mlp.before", "pre_ff_layernorm.weight"},
                 {"mlp.gate", "feed_forward.gate_proj.weight"},
                 {"mlp.up", "feed_forward.up_proj.weight"},
                 {"mlp.down", "feed_forward.down_proj.weight"},
                 {"mlp.gate_bias", "feed_forward.gate_proj.bias"},
                 {"mlp.up_bias", "feed_forward.up_proj.bias"},
                 {"mlp.down_bias", "feed_forward.down_proj.bias"}});
}

}  // namespace

extern const Family kBambaFamily;
const Family kBambaFamily = {"BambaForCausalLM", "bamba", Read};

}  // namespace hlm
