// MPT: ALiBi, LayerNorms without bias; queries, keys and values may be clipped.
#include "core/model/families/common.h"

#include "core/base/error.h"
#include "core/model/config_refusals.h"

namespace hlm {
namespace {

// Settings of the attention, in an object of their own.
AttentionSpec ReadAttention(const ConfigValues& config, const Sizes& sizes, ModelSpec& spec) {
  const std::string& architecture = spec.architecture;
  AttentionSpec attention = Attention(sizes);
  attention.rope = -1;
  attention.alibi = true;
  if (!config.HasValue("attn_config")) return attention;
  const ConfigValues own(config.Value("attn_config"), config.where() + ": attn_config");
  if (own.HasValue("clip_qkv")) attention.clip = own.Real("clip_qkv", 0.0, 1e9);
  if (own.HasValue("softmax_scale")) attention.scale = own.Real("softmax_scale", 1e-9, 1e9);
  if (own.HasValue("attn_type") && !own.Value("attn_type").IsText("multihead_attention")) {
    throw Unimplemented(own.where(), ": attn_type = ", PrintableJson(own.Value("attn_type")), " is not supported for ",
                        architecture);
  }
  // transformers always has slopes up to 8, whatever these say; a file that says otherwise was made for other code.
  RefuseUnless(own, "alibi", Off::kTrue, architecture);
  if (own.HasValue("alibi_bias_max") && own.Real("alibi_bias_max", 0, 1e9) != 8) {
    throw Unimplemented(own.where(), ": alibi_bias_max = ", PrintableJson(own.Value("alibi_bias_max")),
                        " is not supported; 8 is");
  }
  RefuseUnless(own, "prefix_lm", Off::kFalse, architecture);
  RefuseUnless(own, "qk_ln", Off::kFalse, architecture);
  RefuseUnless(own, "attn_uses_sequence_id", Off::kFalse, architecture);
  NoteDropout(own, "attn_pdrop", spec);
  return attention;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  Sizes sizes;
  spec.vocab = config.IntOr("vocab_size", 50368, 1, kMostVocab);
  spec.hidden = config.IntOr("d_model", 2048, 1, kMostHidden);
  sizes.layers = config.IntOr("n_layers", 24, 1, kMostLayers);
  sizes.heads = sizes.kv_heads = config.IntOr("n_heads", 16, 1, kMostHeads);
  if (spec.hidden % sizes.heads != 0) {
    throw InvalidArgument(kConfig, ": d_model is ", spec.hidden, "; it must be a multiple of n_heads, ", sizes.heads);
  }
  sizes.head_dim = spec.hidden / sizes.heads;
  if (config.Has("expansion_ratio") && config.Real("expansion_ratio", 0, 1e6) != 4) {
    throw Unimplemented(kConfig, ": expansion_ratio = ", PrintableJson(config.Value("expansion_ratio")),
                        " is not supported; 4 is");
  }
  spec.max_positions = config.IntOr("max_seq_len", 2048, 1, kMostPositions);
  spec.initializer_range = config.RealOr("initializer_range", 0.02, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", true);
  config.Take("pad_token_id");  // its embedding has no padding row
  RefuseUnless(config, "no_bias", Off::kTrue, spec.architecture);
  RefuseUnless(config, "logit_scale", Off::kNull, spec.architecture);
  RefuseUnless(config, "embedding_fraction", Off::kOne, spec.architecture);

  const NormSpec norm = LayerNorm(config, "layer_norm_epsilon", 1e-5, false);
  const AttentionSpec attention = ReadAttention(config, sizes, spec);
  spec.slopes = AlibiSlopes(sizes.heads);
  const MlpSpec mlp{.intermediate = 4 * spec.hidden, .function = Function::kGelu, .gated = false};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;

  names.prefix = "transformer.";
  names.layers = "blocks.";
  names.embedding = "wte.weight";
  names.final_norm = "norm_f.weight";
  names.layer["attention.qkv"] = {"attn.Wqkv.weight"};
  Rename(names, {{"attention.before", "norm_1.weight"},
                 {"attention.o", "attn.out_proj.weight"},
                 {"mlp.before", "norm_2.weight"},
                 {"mlp.up", "ffn.up_proj.weight"},
                 {"mlp.down", "ffn.down_proj.weight"}});
}

}  // namespace

extern const Family kMptFamily;
const Family kMptFamily = {"MptForCausalLM", "mpt", Read};

}  // namespace hlm
