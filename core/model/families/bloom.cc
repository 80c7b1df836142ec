// BLOOM: ALiBi, a norm behind the embedding; q, k and v fused by head.
#include "core/model/families/common.h"

#include "core/base/error.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  Sizes sizes;
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.Int(config.Has("n_embed") ? "n_embed" : "hidden_size", 1, kMostHidden);
  sizes.layers = config.IntOr(config.Has("num_hidden_layers") ? "num_hidden_layers" : "n_layer", 2, 1, kMostLayers);
  sizes.heads = sizes.kv_heads =
      config.IntOr(config.Has("num_attention_heads") ? "num_attention_heads" : "n_head", 8, 1, kMostHeads);
  if (spec.hidden % sizes.heads != 0) {
    throw InvalidArgument(kConfig, ": hidden_size is ", spec.hidden, "; it must be a multiple of n_head, ", sizes.heads);
  }
  sizes.head_dim = spec.hidden / sizes.heads;
  sizes.intermediate = 4 * spec.hidden;
  spec.max_positions = config.HasValue("seq_length") ? config.Int("seq_length", 1, kMostPositions) : 2048;
  spec.initializer_range = config.RealOr("initializer_range", 0.02, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", true);
  config.Take("pad_token_id");  // its embedding has no padding row

  const NormSpec norm = LayerNorm(config, "layer_norm_epsilon", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.rope = -1;
  attention.alibi = attention.qkv_bias = attention.o_bias = true;
  spec.slopes = AlibiSlopes(sizes.heads);
  const MlpSpec mlp{
      .intermediate = sizes.intermediate, .function = Function::kGeluTanh, .gated = false, .in_bias = true, .out_bias = true};
  BlockSpec block = PreNormBlock(norm, attention, mlp);
  const bool normed = config.BoolOr("apply_residual_connection_post_layernorm", false);
  for (BranchSpec& branch : block.branches) branch.normed_residual = normed;
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.embedding.norm = spec.head.norm = norm;

  names.prefix = "transformer.";
  names.layers = "h.";
  names.embedding = "word_embeddings.weight";
  names.embedding_norm = "word_embeddings_layernorm.weight";
  names.embedding_norm_bias = "word_embeddings_layernorm.bias";
  names.final_norm = "ln_f.weight";
  names.final_norm_bias = "ln_f.bias";
  names.layer["attention.qkv"] = {"self_attention.query_key_value.weight", RowOrder::kGrouped, sizes.heads};
  names.layer["attention.qkv_bias"] = {"self_attention.query_key_value.bias", RowOrder::kGrouped, sizes.heads};
  Rename(names, {{"attention.before_bias", "input_layernorm.bias"},
                 {"attention.o", "self_attention.dense.weight"},
                 {"attention.o_bias", "self_attention.dense.bias"},
                 {"mlp.before_bias", "post_attention_layernorm.bias"},
                 {"mlp.up", "mlp.dense_h_to_4h.weight"},
                 {"mlp.up_bias", "mlp.dense_h_to_4h.bias"},
                 {"mlp.down", "mlp.dense_4h_to_h.weight"},
                 {"mlp.down_bias", "mlp.dense_4h_to_h.bias"}});
}

}  // namespace

extern const Family kBloomFamily;
const Family kBloomFamily = {"BloomForCausalLM", "bloom", Read};

}  // namespace hlm
