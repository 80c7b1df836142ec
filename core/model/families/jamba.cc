// Jamba: Mamba's selective scan in most layers, attention without positions in some; an MLP or experts behind each.
#include "core/base/error.h"
#include "core/model/families/mixture.h"
#include "core/model/families/scan_rank.h"

namespace hlm {
namespace {

// Layers whose number leaves the remainder `offset`.
struct Turn {
  int64_t period, offset;
  bool Has(int64_t layer) const { return layer % period == offset; }
};
Turn ReadTurn(const ConfigValues& config, const char* period, int64_t likely_period, const char* offset, int64_t likely_offset) {
  const Turn turn{config.IntOr(period, likely_period, 1, kMostLayers), config.IntOr(offset, likely_offset, 0, kMostLayers)};
  if (turn.offset >= turn.period)
    throw InvalidArgument(kConfig, ": ", offset, " is ", turn.offset, "; it must be below ", period, ", ", turn.period);
  return turn;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(
      config, {.kv_heads = 8, .max_positions = 262144, .pad_token = 0, .intermediate = 14336, .even_heads = false}, spec);
  ReadBalancing(config, 0.001, spec);
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.rope = -1;
  SelectiveScanSpec scan;
  scan.channels = config.IntOr("mamba_expand", 2, 1, 1 << 10) * spec.hidden;
  scan.state_dim = config.IntOr("mamba_d_state", 16, 1, kMostHeadDim);
  scan.taps = config.IntOr("mamba_d_conv", 4, 1, 1 << 20);
  scan.rank = ReadScanRank(config, "mamba_dt_rank", spec.hidden);
  scan.conv_bias = config.BoolOr("mamba_conv_bias", true);
  scan.in_bias = scan.out_bias = config.BoolOr("mamba_proj_bias", false);
  scan.norm = norm;
  const Turn attends = ReadTurn(config, "attn_layer_period", 8, "attn_layer_offset", 4);
  const Turn mixes = ReadTurn(config, "expert_layer_period", 2, "expert_layer_offset", 1);
  ExpertsSpec experts =
      ReadExperts(config, {.width = "intermediate_size", .likely_count = 16, .likely_chosen = 2, .likely_width = 14336});
  const BlockSpec with_attention = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate});
  BlockSpec with_scan = with_attention;
  with_scan.branches.front().bodies = {{scan, {}}};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const BlockSpec& block = attends.Has(layer) ? with_attention : with_scan;
    spec.AddLayer(experts.count > 1 && mixes.Has(layer) ? WithBodies(block, {experts}) : block);
  }
  spec.head.norm = norm;
  for (const char* key : {"use_mamba_kernels", "use_mambapy", "use_associative_scan", "layers_block_type", "layers_num_experts",
                          "num_logits_to_keep", "sliding_window", "attn_implementation"}) {
    config.Take(key);
  }
  RefuseUnless(config, "sliding_window", Off::kNull, spec.architecture);

  names.final_norm = "final_layernorm.weight";
  Rename(names, {{"mlp.before", "pre_ff_layernorm.weight"},
                 {"mlp.gate", "feed_forward.gate_proj.weight"},
                 {"mlp.up", "feed_forward.up_proj.weight"},
                 {"mlp.down", "feed_forward.down_proj.weight"},
                 {"scan.before", "input_layernorm.weight"},
                 {"scan.in_bias", "mamba.in_proj.bias"},
                 {"scan.conv_bias", "mamba.conv1d.bias"},
                 {"scan.choose", "mamba.x_proj.weight"},
                 {"scan.dt_norm", "mamba.dt_layernorm.weight"},
                 {"scan.b_norm", "mamba.b_layernorm.weight"},
                 {"scan.c_norm", "mamba.c_layernorm.weight"},
                 {"scan.step", "mamba.dt_proj.weight"},
                 {"scan.dt_bias", "mamba.dt_proj.bias"},
                 {"scan.a_log", "mamba.A_log"},
                 {"scan.d", "mamba.D"},
                 {"scan.in", "mamba.in_proj.weight"},
                 {"scan.out", "mamba.out_proj.weight"},
                 {"scan.out_bias", "mamba.out_proj.bias"}});
  names.layer["scan.conv"] = {.path = "mamba.conv1d.weight", .shape = {scan.channels, 1, scan.taps}};
  NameExperts({.router = "feed_forward.router.weight", .experts = "feed_forward.experts"}, names);
}

}  // namespace

extern const Family kJambaFamily;
const Family kJambaFamily = {"JambaForCausalLM", "jamba", Read};

}  // namespace hlm
