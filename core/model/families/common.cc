#include "core/model/families/common.h"

#include <array>
#include <cmath>
#include <utility>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr int64_t kMostParameters = int64_t{1} << 48;

void CheckTotal(const ModelSpec& spec, const Sizes& s) {
  using Wide = unsigned __int128;
  const auto wide = [](int64_t x) { return static_cast<Wide>(x); };
  const Wide attention = wide(spec.hidden) * wide(2 * s.heads * s.head_dim + 2 * s.kv_heads * s.head_dim);
  const Wide block = attention + 3 * wide(spec.hidden) * wide(s.intermediate);
  const Wide total = wide(s.layers) * block + 2 * wide(spec.vocab) * wide(spec.hidden);
  if (total > static_cast<Wide>(kMostParameters)) {
    throw InvalidArgument(kConfig, ": num_hidden_layers ", s.layers, ", hidden_size ", spec.hidden, ", intermediate_size ",
                          s.intermediate, ", num_attention_heads ", s.heads, ", head_dim ", s.head_dim, " and vocab_size ",
                          spec.vocab, " make ", static_cast<double>(total), " parameters, more than ",
                          static_cast<double>(kMostParameters));
  }
}

int64_t ReadHeadDim(const ConfigValues& config, const SizeDefaults& defaults, const ModelSpec& spec, int64_t heads) {
  if (config.HasValue("head_dim")) return config.Int("head_dim", 2, kMostHeadDim);
  if (defaults.head_dim && !config.Has("head_dim")) return *defaults.head_dim;
  if (spec.hidden < heads || (spec.hidden % heads != 0 && defaults.whole_heads)) {
    throw InvalidArgument(kConfig, ": hidden_size is ", spec.hidden,
                          "; without head_dim it must be a multiple of num_attention_heads, ", heads);
  }
  return spec.hidden / heads;
}

}  // namespace

Sizes ReadSizes(const ConfigValues& config, const SizeDefaults& defaults, ModelSpec& spec) {
  Sizes s;
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.Int("hidden_size", 1, kMostHidden);
  s.intermediate = defaults.intermediate && !config.Has("intermediate_size")
                       ? *defaults.intermediate
                       : config.Int("intermediate_size", 1, kMostIntermediate);
  s.layers = config.Int("num_hidden_layers", 1, kMostLayers);
  s.heads = config.Int("num_attention_heads", 1, kMostHeads);
  spec.max_positions = config.IntOr("max_position_embeddings", defaults.max_positions, 1, kMostPositions);
  if (config.HasValue("num_key_value_heads")) {
    s.kv_heads = config.Int("num_key_value_heads", 1, kMostHeads);
  } else {  // null means "as many as query heads" in every family; a missing key means the class's default
    s.kv_heads = config.Has("num_key_value_heads") ? s.heads : defaults.kv_heads.value_or(s.heads);
  }
  if (s.heads % s.kv_heads != 0) {
    throw InvalidArgument(kConfig, ": num_attention_heads is ", s.heads, "; it must be a multiple of num_key_value_heads, ",
                          s.kv_heads);
  }
  s.head_dim = ReadHeadDim(config, defaults, spec, s.heads);
  if (defaults.even_heads && s.head_dim % 2 != 0)
    throw InvalidArgument(kConfig, ": head_dim is ", s.head_dim, "; rotary embeddings need an even one");
  CheckTotal(spec, s);
  spec.initializer_range = config.RealOr("initializer_range", defaults.initializer_range, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", defaults.tied);
  ReadPadToken(config, defaults.pad_token, spec);
  return s;
}

void ReadPadToken(const ConfigValues& config, std::optional<int64_t> fallback, ModelSpec& spec) {
  if (!config.Has("pad_token_id")) {
    if (fallback && *fallback < spec.vocab) spec.embedding.pad_token = *fallback;
    return;
  }
  if (!config.HasValue("pad_token_id")) return;
  const int64_t pad = config.Int("pad_token_id", -kMostVocab, kMostVocab);
  if (pad >= spec.vocab || pad < -spec.vocab) {
    throw InvalidArgument(kConfig, ": pad_token_id is ", pad, "; it must be below vocab_size, ", spec.vocab);
  }
  spec.embedding.pad_token = pad < 0 ? spec.vocab + pad : pad;
}

NormSpec RmsNorm(const ConfigValues& config, const char* key, double fallback) {
  NormSpec norm;
  norm.kind = NormType::kRms;
  norm.epsilon = config.RealOr(key, fallback, 1e-30, 1.0);
  return norm;
}

NormSpec LayerNorm(const ConfigValues& config, const char* key, double fallback, bool bias) {
  NormSpec norm = RmsNorm(config, key, fallback);
  norm.kind = NormType::kLayer;
  norm.bias = bias;
  norm.late_rounding = true;
  return norm;
}

AttentionSpec Attention(const Sizes& sizes) {
  AttentionSpec attention;
  attention.heads = sizes.heads;
  attention.kv_heads = sizes.kv_heads;
  attention.head_dim = sizes.head_dim;
  return attention;
}

Function ReadFunction(const ConfigValues& config, const char* key, Function fallback) {
  if (!config.HasValue(key)) return fallback;
  constexpr std::array<std::pair<const char*, Function>, 12> kNames = {{{"silu", Function::kSilu},
                                                                        {"swish", Function::kSilu},
                                                                        {"gelu", Function::kGelu},
                                                                        {"gelu_python", Function::kGelu},
                                                                        {"gelu_pytorch_tanh", Function::kGeluTanh},
                                                                        {"gelu_new", Function::kGeluTanh},
                                                                        {"gelu_fast", Function::kGeluTanh},
                                                                        {"gelu_accurate", Function::kGeluTanh},
                                                                        {"gelu_python_tanh", Function::kGeluTanh},
                                                                        {"relu", Function::kRelu},
                                                                        {"relu2", Function::kRelu2},
                                                                        {"xielu", Function::kXielu}}};
  for (const auto& [name, function] : kNames) {
    if (config.Value(key).IsText(name)) return function;
  }
  throw Unimplemented(config.where(), ": ", key, " = ", PrintableJson(config.Value(key)),
                      " is not supported; silu, gelu, gelu_pytorch_tanh, gelu_new, relu, relu2 and xielu are");
}

BlockSpec PreNormBlock(const NormSpec& norm, const AttentionSpec& attention, const MlpSpec& mlp) {
  BlockSpec block;
  block.branches.push_back({.before = norm, .bodies = {{attention, {}}}, .after = {}});
  block.branches.push_back({.before = norm, .bodies = {{mlp, {}}}, .after = {}});
  return block;
}

NormSpec LateRmsNorm(const ConfigValues& config, const char* key, double fallback, bool plus_one) {
  NormSpec norm = RmsNorm(config, key, fallback);
  norm.late_rounding = true;
  norm.plus_one = plus_one;
  return norm;
}

BlockSpec PostNormBlock(const NormSpec& before, const NormSpec& after, const AttentionSpec& attention, const MlpSpec& mlp) {
  BlockSpec block;
  block.branches.push_back({.before = before, .bodies = {{attention, {}}}, .after = after});
  block.branches.push_back({.before = before, .bodies = {{mlp, {}}}, .after = after});
  return block;
}

BlockSpec ParallelBlock(const NormSpec& norm, const AttentionSpec& attention, const MlpSpec& mlp) {
  BlockSpec block;
  block.branches.push_back({.before = norm, .bodies = {{attention, {}}, {mlp, {}}}, .after = {}});
  return block;
}

std::vector<double> AlibiSlopes(int64_t heads) {
  int64_t power = 1;
  while (2 * power <= heads) power *= 2;
  std::vector<double> slopes;
  // A geometric sequence for a power of two; the others take every second one of the next sequence.
  for (int64_t h = 0; h < heads; ++h) {
    const double step = h < power ? static_cast<double>(h + 1) : static_cast<double>(h - power) + 0.5;
    slopes.push_back(std::exp2(-8.0 * step / static_cast<double>(power)));
  }
  return slopes;
}

std::vector<bool> SlidingLayers(const ConfigValues& config, int64_t layers, int64_t pattern) {
  std::vector<bool> sliding;
  const auto types = ReadLayerTypes(config, layers, {"full_attention", "sliding_attention"});
  for (int64_t layer = 0; layer < layers; ++layer) {
    sliding.push_back(types ? (*types)[static_cast<size_t>(layer)] == "sliding_attention"
                            : pattern > 0 && (layer + 1) % pattern != 0);
  }
  return sliding;
}

std::optional<int64_t> ReadWindow(const ConfigValues& config, bool by_window_alone, std::optional<int64_t> fallback) {
  const bool flag = config.HasValue("use_sliding_window") && config.Bool("use_sliding_window");
  if (!by_window_alone && !flag) {
    config.Take("sliding_window");
    return std::nullopt;
  }
  std::optional<int64_t> window;
  if (!config.Has("sliding_window")) window = fallback;
  if (config.HasValue("sliding_window")) window = config.Int("sliding_window", 1, kMostPositions);
  if (by_window_alone && config.HasValue("use_sliding_window") && flag != window.has_value()) {
    throw InvalidArgument(kConfig, ": use_sliding_window is ", flag ? "true" : "false", " but sliding_window is ",
                          window ? StrCat(*window) : std::string("null"), "; this family goes by sliding_window alone");
  }
  return window;
}

std::optional<std::vector<std::string>> ReadLayerTypes(const ConfigValues& config, int64_t layers,
                                                       const std::vector<std::string>& known) {
  if (!config.HasValue("layer_types")) return std::nullopt;
  const JsonValue& types = config.Value("layer_types");
  if (!types.IsArray() || static_cast<int64_t>(types.Items().size()) != layers) {
    throw InvalidArgument(kConfig, ": layer_types must be a list of num_hidden_layers = ", layers, " names, found ",
                          types.IsArray() ? StrCat(types.Items().size()) : PrintableJson(types));
  }
  std::vector<std::string> names;
  for (const JsonValue& type : types.Items()) {
    if (!type.IsString()) throw InvalidArgument(kConfig, ": layer_types holds ", PrintableJson(type), ", which is not a name");
    // "attention" is what older releases of transformers wrote.
    const std::string name = type.IsText("attention") ? "full_attention" : type.String();
    std::string all;
    bool found = false;
    for (const std::string& one : known) {
      found = found || one == name;
      all += (all.empty() ? "" : ", ") + one;
    }
    if (!found) throw Unimplemented(kConfig, ": layer_types holds ", PrintableJson(type), "; this family takes ", all);
    names.push_back(name);
  }
  return names;
}

}  // namespace hlm
