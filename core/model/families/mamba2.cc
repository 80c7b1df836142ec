// Mamba-2: nothing but state spaces.
#include "core/base/error.h"
#include "core/model/families/common.h"
#include "core/model/families/state_spaces.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.Int("hidden_size", 1, kMostHidden);
  const int64_t layers = config.Int("num_hidden_layers", 1, kMostLayers);
  spec.max_positions = kMostPositions;
  spec.initializer_range = config.RealOr("initializer_range", 0.1, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", false);

  StateSpaceSpec space;
  space.heads = config.IntOr("num_heads", 128, 1, kMostHeads);
  space.head_dim = config.IntOr("head_dim", 64, 1, kMostHeadDim);
  space.groups = config.IntOr("n_groups", 8, 1, kMostHeads);
  space.state_dim = config.IntOr("state_size", 128, 1, kMostHeadDim);
  space.taps = config.IntOr("conv_kernel", 4, 1, 1 << 20);
  space.conv_bias = config.BoolOr("use_conv_bias", true);
  space.in_bias = space.out_bias = config.BoolOr("use_bias", false);
  space.norm_groups = space.groups;
  const int64_t inner = config.IntOr("expand", 2, 1, 1 << 10) * spec.hidden;
  CheckStateSpace(space, inner, "num_heads", "n_groups");
  ReadStepLimit(config, space);
  const NormSpec norm = RmsNorm(config, "layer_norm_epsilon", 1e-5);
  space.norm = norm;
  BlockSpec block;
  block.branches.push_back({.before = norm, .bodies = {{space, {}}}, .after = {}});
  for (int64_t layer = 0; layer < layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;
  for (const char* key : {"residual_in_fp32", "rescale_prenorm_residual", "time_step_min", "time_step_max", "time_step_floor",
                          "time_step_rank", "pad_token_id"}) {
    config.Take(key);
  }
  ReadChunk(config, "chunk_size");

  names.prefix = "backbone.";
  names.embedding = "embeddings.weight";
  names.final_norm = "norm_f.weight";
  NameStateSpace("mixer.", space, names);
  Rename(names, {{"mamba.before", "norm.weight"}});
}

}  // namespace

extern const Family kMamba2Family;
const Family kMamba2Family = {"Mamba2ForCausalLM", "mamba2", Read};

}  // namespace hlm
