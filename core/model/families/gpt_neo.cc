// GPT-Neo: GPT-2 with layers that slide between whole ones, and scores that are not scaled.
#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/model/families/common.h"
#include "core/model/families/gpt2_sizes.h"

namespace hlm {
namespace {

// attention_types: [[["global", "local"], 12]]: a pattern and how often it comes.
void AddPattern(const JsonValue& item, std::vector<bool>& local) {
  const bool two = item.IsArray() && item.Items().size() == 2 && item.Items()[0].IsArray() && item.Items()[1].IsWhole();
  const int64_t times = two ? item.Items()[1].Int().value_or(-1) : -1;
  if (times < 0 || times > kMostLayers) {
    throw InvalidArgument(kConfig, ": attention_types holds ", PrintableJson(item),
                          "; each item must be a list of names and how often it comes");
  }
  for (int64_t i = 0; i < times; ++i) {
    for (const JsonValue& name : item.Items()[0].Items()) {
      if (!name.IsText("global") && !name.IsText("local"))
        throw InvalidArgument(kConfig, ": attention_types holds ", PrintableJson(name), "; global and local are layers");
      local.push_back(name.IsText("local"));
    }
    if (static_cast<int64_t>(local.size()) > kMostLayers)
      throw InvalidArgument(kConfig, ": attention_types makes more than ", kMostLayers, " layers");
  }
}

std::vector<bool> LocalLayers(const ConfigValues& config, int64_t layers) {
  config.Take("attention_layers");  // what attention_types makes
  std::vector<bool> local;
  if (!config.HasValue("attention_types")) {
    for (int64_t layer = 0; layer < 24; ++layer) local.push_back(layer % 2 != 0);
  } else {
    const JsonValue& types = config.Value("attention_types");
    if (!types.IsArray())
      throw InvalidArgument(kConfig, ": attention_types must be a list of patterns, found ", PrintableJson(types));
    for (const JsonValue& item : types.Items()) AddPattern(item, local);
  }
  if (static_cast<int64_t>(local.size()) != layers) {
    throw InvalidArgument(kConfig, ": attention_types makes ", Counted(local.size(), "layer"), "; num_layers is ", layers);
  }
  return local;
}

Sizes ReadGptNeoSizes(const ConfigValues& config, ModelSpec& spec) {
  const auto size = [&](const char* own, const char* other, int64_t fallback, int64_t most) {
    return config.IntOr(config.HasValue(own) || !config.Has(other) ? own : other, fallback, 1, most);
  };
  Sizes sizes;
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.IntOr("hidden_size", 2048, 1, kMostHidden);
  sizes.layers = size("num_layers", "num_hidden_layers", 24, kMostLayers);
  sizes.heads = sizes.kv_heads = size("num_heads", "num_attention_heads", 16, kMostHeads);
  if (spec.hidden % sizes.heads != 0) {
    throw InvalidArgument(kConfig, ": hidden_size is ", spec.hidden, "; it must be a multiple of num_heads, ", sizes.heads);
  }
  sizes.head_dim = spec.hidden / sizes.heads;
  sizes.intermediate =
      config.HasValue("intermediate_size") ? config.Int("intermediate_size", 1, kMostIntermediate) : 4 * spec.hidden;
  spec.max_positions = spec.embedding.positions = config.IntOr("max_position_embeddings", 2048, 1, kMostPositions);
  spec.initializer_range = config.RealOr("initializer_range", 0.02, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", true);
  return sizes;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadGptNeoSizes(config, spec);
  const NormSpec norm = LayerNorm(config, "layer_norm_epsilon", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.rope = -1;
  attention.o_bias = true;
  attention.scale = 1;
  const int64_t window = config.IntOr("window_size", 256, 1, kMostPositions);
  const MlpSpec mlp = Gpt2Mlp(config, sizes);
  for (const bool local : LocalLayers(config, sizes.layers)) {
    attention.window = local ? window : 0;
    spec.AddLayer(PreNormBlock(norm, attention, mlp));
  }
  spec.head.norm = norm;
  NameGpt2(names);
  names.ignored_suffixes = {".attn.attention.bias", ".attn.attention.masked_bias"};
  Rename(names, {{"attention.q", "attn.attention.q_proj.weight"},
                 {"attention.k", "attn.attention.k_proj.weight"},
                 {"attention.v", "attn.attention.v_proj.weight"},
                 {"attention.o", "attn.attention.out_proj.weight"},
                 {"attention.o_bias", "attn.attention.out_proj.bias"}});
}

}  // namespace

extern const Family kGptNeoFamily;
const Family kGptNeoFamily = {"GPTNeoForCausalLM", "gpt_neo", Read};

}  // namespace hlm
