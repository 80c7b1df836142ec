// OPT: learnt positions that begin at row 2. The 350M model has its norms behind the residual sums and narrow embeddings.
#include "core/model/families/common.h"

#include "core/base/error.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  Sizes sizes;
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.Int("hidden_size", 1, kMostHidden);
  sizes.layers = config.Int("num_hidden_layers", 1, kMostLayers);
  sizes.heads = sizes.kv_heads = config.Int("num_attention_heads", 1, kMostHeads);
  if (spec.hidden % sizes.heads != 0) {
    throw InvalidArgument(kConfig, ": hidden_size is ", spec.hidden, "; it must be a multiple of num_attention_heads, ",
                          sizes.heads);
  }
  sizes.head_dim = spec.hidden / sizes.heads;
  sizes.intermediate = config.IntOr("ffn_dim", 3072, 1, kMostIntermediate);
  spec.max_positions = config.IntOr("max_position_embeddings", 2048, 1, kMostPositions);
  spec.embedding.position_offset = 2;
  spec.embedding.positions = spec.max_positions + spec.embedding.position_offset;
  spec.initializer_range = config.RealOr("init_std", 0.02, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", true);
  ReadPadToken(config, 1, spec);
  const bool before = config.BoolOr("do_layer_norm_before", true);
  if (config.HasValue("word_embed_proj_dim")) {
    const int64_t width = config.Int("word_embed_proj_dim", 1, kMostHidden);
    if (width != spec.hidden) spec.embedding.width = spec.head.width = width;
  }
  const bool affine = config.BoolOr("layer_norm_elementwise_affine", true), bias = config.BoolOr("enable_bias", true);
  const NormSpec norm{.kind = NormType::kLayer, .epsilon = 1e-5, .weight = affine, .bias = affine, .late_rounding = true};
  AttentionSpec attention = Attention(sizes);
  attention.rope = -1;
  attention.qkv_bias = attention.o_bias = bias;
  const MlpSpec mlp{.intermediate = sizes.intermediate,
                    .function = ReadFunction(config, "activation_function", Function::kRelu),
                    .gated = false,
                    .in_bias = bias,
                    .out_bias = bias};
  BlockSpec block = PreNormBlock(before ? norm : NormSpec{}, attention, mlp);
  for (BranchSpec& branch : block.branches) branch.last = before ? NormSpec{} : norm;
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  if (before && !config.BoolOr("_remove_final_layer_norm", false)) spec.head.norm = norm;

  names.prefix = "model.decoder.";
  names.final_norm = "final_layer_norm.weight";
  names.final_norm_bias = "final_layer_norm.bias";
  names.other_prefixes = {"decoder."};
  names.other_heads = {"lm_head.weight"};
  names.embedding_product = "project_in.weight";
  names.head_product = "project_out.weight";
  Rename(names, {{"attention.before", "self_attn_layer_norm.weight"},
                 {"attention.before_bias", "self_attn_layer_norm.bias"},
                 {"attention.last", "self_attn_layer_norm.weight"},
                 {"attention.last_bias", "self_attn_layer_norm.bias"},
                 {"attention.o", "self_attn.out_proj.weight"},
                 {"attention.o_bias", "self_attn.out_proj.bias"},
                 {"mlp.before", "final_layer_norm.weight"},
                 {"mlp.before_bias", "final_layer_norm.bias"},
                 {"mlp.last", "final_layer_norm.weight"},
                 {"mlp.last_bias", "final_layer_norm.bias"},
                 {"mlp.up", "fc1.weight"},
                 {"mlp.up_bias", "fc1.bias"},
                 {"mlp.down", "fc2.weight"},
                 {"mlp.down_bias", "fc2.bias"}});
}

}  // namespace

extern const Family kOptFamily;
const Family kOptFamily = {"OPTForCausalLM", "opt", Read};

}  // namespace hlm
