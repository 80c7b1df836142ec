#include "core/model/families/gpt2_sizes.h"

#include "core/base/error.h"

namespace hlm {

Sizes ReadGpt2Sizes(const ConfigValues& config, ModelSpec& spec, const Gpt2Defaults& defaults) {
  const auto size = [&](const char* own, const char* other, int64_t fallback, int64_t most) {
    return config.IntOr(config.HasValue(own) || !config.Has(other) ? own : other, fallback, 1, most);
  };
  Sizes sizes;
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = size("n_embd", "hidden_size", defaults.hidden, kMostHidden);
  sizes.layers = size("n_layer", "num_hidden_layers", defaults.layers, kMostLayers);
  sizes.heads = sizes.kv_heads = size("n_head", "num_attention_heads", defaults.heads, kMostHeads);
  if (spec.hidden % sizes.heads != 0) {
    throw InvalidArgument(kConfig, ": n_embd is ", spec.hidden, "; it must be a multiple of n_head, ", sizes.heads);
  }
  sizes.head_dim = spec.hidden / sizes.heads;
  sizes.intermediate = config.HasValue("n_inner") ? config.Int("n_inner", 1, kMostIntermediate) : 4 * spec.hidden;
  spec.max_positions = spec.embedding.positions =
      size("n_positions", "max_position_embeddings", defaults.positions, kMostPositions);
  spec.initializer_range = config.RealOr("initializer_range", 0.02, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", true);
  return sizes;
}

MlpSpec Gpt2Mlp(const ConfigValues& config, const Sizes& sizes) {
  return {.intermediate = sizes.intermediate,
          .function = ReadFunction(config, "activation_function", Function::kGeluTanh),
          .gated = false,
          .in_bias = true,
          .out_bias = true};
}

void NameGpt2(ModelNames& names) {
  names.prefix = "transformer.";
  names.layers = "h.";
  names.embedding = "wte.weight";
  names.positions = "wpe.weight";
  names.final_norm = "ln_f.weight";
  names.final_norm_bias = "ln_f.bias";
  names.ignored_suffixes = {".attn.bias", ".attn.masked_bias"};
  Rename(names, {{"attention.before", "ln_1.weight"},
                 {"attention.before_bias", "ln_1.bias"},
                 {"attention.o", "attn.c_proj.weight"},
                 {"attention.o_bias", "attn.c_proj.bias"},
                 {"mlp.before", "ln_2.weight"},
                 {"mlp.before_bias", "ln_2.bias"},
                 {"mlp.up", "mlp.c_fc.weight"},
                 {"mlp.up_bias", "mlp.c_fc.bias"},
                 {"mlp.down", "mlp.c_proj.weight"},
                 {"mlp.down_bias", "mlp.c_proj.bias"}});
}

}  // namespace hlm
