// Falcon-H1: Mamba-2 and attention beside each other in every layer, with a multiplier for each product.
#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/model/families/common.h"
#include "core/model/families/state_spaces.h"

namespace hlm {
namespace {

constexpr double kMost = 1e9;

std::vector<double> Multipliers(const ConfigValues& config, const char* key, size_t count) {
  if (!config.HasValue(key)) return std::vector<double>(count, 1.0);
  const JsonValue& list = config.Value(key);
  std::vector<double> numbers;
  for (size_t i = 0; list.IsArray() && i < list.Items().size(); ++i) {
    if (list.Items()[i].IsNumber()) numbers.push_back(list.Items()[i].Number());
  }
  if (numbers.size() != count || list.Items().size() != count) {
    throw InvalidArgument(kConfig, ": ", key, " must be a list of ", count, " numbers, found ", PrintableJson(list));
  }
  return numbers;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 8192, .pad_token = 0}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  const auto multiplier = [&](const char* key) { return config.HasValue(key) ? config.Real(key, -kMost, kMost) : 1.0; };
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  // Keys times a number are scores times it.
  const double keys = config.HasValue("key_multiplier") ? config.Real("key_multiplier", 1e-9, kMost) : 1.0;
  if (keys != 1) attention.scale = keys / std::sqrt(static_cast<double>(sizes.head_dim));

  const int64_t inner = config.HasValue("mamba_d_ssm") ? config.Int("mamba_d_ssm", 1, kMostIntermediate)
                        : config.Has("mamba_d_ssm")    ? config.IntOr("mamba_expand", 2, 1, 1 << 10) * spec.hidden
                                                       : 1024;
  StateSpaceSpec space = ReadStateSpace(config, inner);
  space.out_bias = config.BoolOr("projectors_bias", false);
  space.norm_before_gate = config.BoolOr("mamba_norm_before_gate", true);
  if (config.BoolOr("mamba_rms_norm", false)) {
    space.norm = norm;
    space.norm.late_rounding = true;
  }
  const std::vector<double> parts = Multipliers(config, "ssm_multipliers", 5);
  std::copy(parts.begin(), parts.end(), space.scales.begin());
  const std::vector<double> feed = Multipliers(config, "mlp_multipliers", 2);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias, .gate_scale = feed[0]};

  BlockSpec block;
  block.branches.push_back(
      {.before = norm,
       .bodies = {{.body = space, .in_scale = multiplier("ssm_in_multiplier"), .out_scale = multiplier("ssm_out_multiplier")},
                  {.body = attention,
                   .in_scale = multiplier("attention_in_multiplier"),
                   .out_scale = multiplier("attention_out_multiplier")}},
       .after = {}});
  block.branches.push_back({.before = norm, .bodies = {{.body = mlp, .out_scale = feed[1]}}, .after = {}});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.embedding.scale = multiplier("embedding_multiplier");
  spec.head.norm = norm;
  spec.head.scale = config.HasValue("lm_head_multiplier") ? config.Real("lm_head_multiplier", 1e-9, kMost) : 1.0;
  config.Take("mamba_expand");

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
  names.ignored_suffixes.push_back(".mup_vector");
}

}  // namespace

extern const Family kFalconH1Family;
const Family kFalconH1Family = {"FalconH1ForCausalLM", "falcon_h1", Read};

}  // namespace hlm
