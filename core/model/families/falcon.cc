// Falcon 7B, 11B and 40B: attention and MLP beside each other; q, k and v fused by key head.
#include <cmath>

#include "core/base/dtype.h"
#include "core/base/error.h"
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  Sizes sizes;
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.Int(config.Has("hidden_size") ? "hidden_size" : "n_embed", 1, kMostHidden);
  sizes.layers = config.IntOr(config.Has("num_hidden_layers") ? "num_hidden_layers" : "n_layer", 32, 1, kMostLayers);
  sizes.heads = config.IntOr(config.Has("num_attention_heads") ? "num_attention_heads" : "n_head", 71, 1, kMostHeads);
  if (spec.hidden % sizes.heads != 0) {
    throw InvalidArgument(kConfig, ": hidden_size is ", spec.hidden, "; it must be a multiple of num_attention_heads, ",
                          sizes.heads);
  }
  sizes.head_dim = spec.hidden / sizes.heads;
  sizes.intermediate = config.HasValue("ffn_hidden_size") ? config.Int("ffn_hidden_size", 1, kMostIntermediate) : 4 * spec.hidden;
  spec.max_positions = config.IntOr("max_position_embeddings", 2048, 1, kMostPositions);
  spec.initializer_range = config.RealOr("initializer_range", 0.02, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", true);

  const bool grouped = config.BoolOr("new_decoder_architecture", false), one_key = config.BoolOr("multi_query", true);
  const bool parallel = config.BoolOr("parallel_attn", true), bias = config.BoolOr("bias", false);
  if (grouped && !parallel)
    throw Unimplemented(kConfig, ": parallel_attn is false; with new_decoder_architecture it must be true");
  sizes.kv_heads = grouped   ? (config.HasValue("num_kv_heads") ? config.Int("num_kv_heads", 1, kMostHeads) : sizes.heads)
                   : one_key ? 1
                             : sizes.heads;
  if (sizes.heads % sizes.kv_heads != 0) {
    throw InvalidArgument(kConfig, ": num_attention_heads is ", sizes.heads, "; it must be a multiple of num_kv_heads, ",
                          sizes.kv_heads);
  }
  const NormSpec norm = LayerNorm(config, "layer_norm_epsilon", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = bias;
  attention.alibi = config.BoolOr("alibi", false);
  if (attention.alibi) {
    attention.rope = -1;
    config.Take("partial_rotary_factor");
    // transformers holds the slopes in bfloat16 and adds them before the scores are scaled.
    for (const double slope : AlibiSlopes(sizes.heads)) {
      const double held = static_cast<double>(Bf16ToFloat(FloatToBf16(static_cast<float>(slope))));
      spec.slopes.push_back(held / std::sqrt(static_cast<double>(sizes.head_dim)));
    }
  } else {
    spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  }
  const MlpSpec mlp{.intermediate = sizes.intermediate,
                    .function = ReadFunction(config, "activation", Function::kGelu),
                    .gated = false,
                    .in_bias = bias,
                    .out_bias = bias};
  const bool two_norms =
      grouped && (!config.HasValue("num_ln_in_parallel_attn") || config.Int("num_ln_in_parallel_attn", 1, 2) == 2);
  BlockSpec apart;
  apart.branches.push_back({.bodies = {{attention, norm}, {mlp, norm}}});
  const BlockSpec block = two_norms ? apart : parallel ? ParallelBlock(norm, attention, mlp) : PreNormBlock(norm, attention, mlp);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;

  names.prefix = "transformer.";
  names.layers = "h.";
  names.embedding = "word_embeddings.weight";
  names.final_norm = "ln_f.weight";
  names.final_norm_bias = "ln_f.bias";
  const RowOrder order = sizes.kv_heads == 1 ? RowOrder::kAsIs : RowOrder::kGrouped;
  names.layer["attention.qkv"] = {"self_attention.query_key_value.weight", order, sizes.kv_heads};
  names.layer["attention.qkv_bias"] = {"self_attention.query_key_value.bias", order, sizes.kv_heads};
  Rename(names, {{"attention.before", two_norms ? "ln_attn.weight" : "input_layernorm.weight"},
                 {"attention.before_bias", two_norms ? "ln_attn.bias" : "input_layernorm.bias"},
                 {"mlp.before", two_norms ? "ln_mlp.weight" : "post_attention_layernorm.weight"},
                 {"mlp.before_bias", two_norms ? "ln_mlp.bias" : "post_attention_layernorm.bias"},
                 {"attention.o", "self_attention.dense.weight"},
                 {"attention.o_bias", "self_attention.dense.bias"},
                 {"mlp.up", "mlp.dense_h_to_4h.weight"},
                 {"mlp.up_bias", "mlp.dense_h_to_4h.bias"},
                 {"mlp.down", "mlp.dense_4h_to_h.weight"},
                 {"mlp.down_bias", "mlp.dense_4h_to_h.bias"}});
}

}  // namespace

extern const Family kFalconFamily;
const Family kFalconFamily = {"FalconForCausalLM", "falcon", Read};

}  // namespace hlm
