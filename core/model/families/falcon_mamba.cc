// Falcon-Mamba: Mamba's selective scan in every layer, with norms of step, B and C that have no weights.
#include "core/model/families/common.h"
#include "core/model/families/scan_rank.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.Int("hidden_size", 1, kMostHidden);
  spec.max_positions = kMostPositions;
  spec.initializer_range = config.RealOr("initializer_range", 0.1, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", true);
  const NormSpec norm = RmsNorm(config, "layer_norm_epsilon", 1e-5);
  SelectiveScanSpec scan;
  // The released 7B has an `expand` of 16 beside the width that its weights have, not 16 times the model.
  scan.channels = config.HasValue("intermediate_size")
                      ? config.Int("intermediate_size", 1, kMostIntermediate)
                      : static_cast<int64_t>(config.RealOr("expand", 2, 1e-6, 1 << 10) * static_cast<double>(spec.hidden));
  scan.state_dim = config.IntOr("state_size", 16, 1, kMostHeadDim);
  scan.taps = config.IntOr("conv_kernel", 4, 1, 1 << 20);
  scan.rank = ReadScanRank(config, "time_step_rank", spec.hidden);
  scan.conv_bias = config.BoolOr("use_conv_bias", true);
  scan.in_bias = scan.out_bias = config.BoolOr("use_bias", false);
  scan.norm = LateRmsNorm(config, "mixer_rms_eps", 1e-6);
  scan.norm.weight = false;
  BlockSpec block;
  block.branches.push_back({.before = norm, .bodies = {{scan, {}}}, .after = {}});
  const int64_t layers = config.Int("num_hidden_layers", 1, kMostLayers);
  for (int64_t layer = 0; layer < layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;
  for (const char* key :
       {"residual_in_fp32", "rescale_prenorm_residual", "time_step_min", "time_step_max", "time_step_floor", "time_step_scale",
        "time_step_init_scheme", "use_mambapy", "use_falcon_mambapy", "use_associative_scan", "pad_token_id"}) {
    config.Take(key);
  }

  names.prefix = "backbone.";
  names.embedding = "embeddings.weight";
  names.final_norm = "norm_f.weight";
  Rename(names, {{"scan.before", "norm.weight"},
                 {"scan.in", "mixer.in_proj.weight"},
                 {"scan.in_bias", "mixer.in_proj.bias"},
                 {"scan.conv_bias", "mixer.conv1d.bias"},
                 {"scan.choose", "mixer.x_proj.weight"},
                 {"scan.step", "mixer.dt_proj.weight"},
                 {"scan.dt_bias", "mixer.dt_proj.bias"},
                 {"scan.a_log", "mixer.A_log"},
                 {"scan.d", "mixer.D"},
                 {"scan.out", "mixer.out_proj.weight"},
                 {"scan.out_bias", "mixer.out_proj.bias"}});
  names.layer["scan.conv"] = {.path = "mixer.conv1d.weight", .shape = {scan.channels, 1, scan.taps}};
}

}  // namespace

extern const Family kFalconMambaFamily;
const Family kFalconMambaFamily = {"FalconMambaForCausalLM", "falcon_mamba", Read};

}  // namespace hlm
