#include "core/model/config.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/model/config_refusals.h"
#include "core/model/config_values.h"
#include "core/model/rope.h"

namespace hlm {
namespace {

constexpr const char* kWhere = "config.json";

// Bounds that no model of these families comes near. Token ids are 32-bit; the others keep every product of sizes far from 63
// bits.
constexpr int64_t kMostVocab = (int64_t{1} << 31) - 1;
constexpr int64_t kMostPositions = (int64_t{1} << 31) - 1;
constexpr int64_t kMostHidden = int64_t{1} << 20;
constexpr int64_t kMostIntermediate = int64_t{1} << 24;
constexpr int64_t kMostHeads = int64_t{1} << 16;
constexpr int64_t kMostHeadDim = int64_t{1} << 16;
constexpr int64_t kMostLayers = int64_t{1} << 14;
constexpr int64_t kMostParameters = int64_t{1} << 48;

// What the families differ in, and the defaults of their configuration classes (transformers 5.23; unchanged since 4.40).
struct Family {
  const char* architecture;
  const char* model_type;
  std::optional<int64_t> kv_heads;  // default; nothing: as many as query heads
  std::optional<int64_t> head_dim;  // default; nothing: hidden_size / num_attention_heads
  int64_t max_positions;
};
constexpr Family kFamilies[] = {
    {"LlamaForCausalLM", "llama", std::nullopt, std::nullopt, 2048},
    {"MistralForCausalLM", "mistral", 8, std::nullopt, 131072},
    {"Qwen2ForCausalLM", "qwen2", 32, std::nullopt, 32768},
    {"Qwen3ForCausalLM", "qwen3", 32, 128, 32768},
};
constexpr int64_t kDefaultWindow = 4096;         // sliding_window of Mistral, Qwen2 and Qwen3
constexpr int64_t kDefaultMaxWindowLayers = 28;  // max_window_layers of Qwen2 and Qwen3

constexpr const char* kSupported = "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM and Qwen3ForCausalLM are";

const Family* FamilyOfArchitecture(const ConfigValues& config) {
  if (!config.HasValue("architectures")) return nullptr;
  const JsonValue& names = config.Value("architectures");
  if (!names.IsArray() || names.Items().size() != 1 || !names.Items()[0].IsString()) {
    throw InvalidArgument(kWhere, ": architectures must be a list of one name, found ", PrintableJson(names));
  }
  for (const Family& family : kFamilies) {
    if (names.Items()[0].IsText(family.architecture)) return &family;
  }
  throw Unimplemented(kWhere, ": architecture ", PrintableJson(names.Items()[0]), " is not supported (", kSupported, ")");
}

const Family* FamilyOfModelType(const ConfigValues& config) {
  if (!config.HasValue("model_type")) return nullptr;
  const std::string type = config.String("model_type");
  for (const Family& family : kFamilies) {
    if (type == family.model_type) return &family;
  }
  throw Unimplemented(kWhere, ": model_type ", Printable(type), " is not supported (llama, mistral, qwen2 and qwen3 are)");
}

const Family& FamilyOf(const ConfigValues& config) {
  const Family* by_name = FamilyOfArchitecture(config);
  const Family* by_type = FamilyOfModelType(config);
  if (by_name == nullptr && by_type == nullptr) throw InvalidArgument(kWhere, ": architectures and model_type are missing");
  if (by_name != nullptr && by_type != nullptr && by_name != by_type) {
    throw InvalidArgument(kWhere, ": architectures says ", by_name->architecture, " but model_type says ", by_type->model_type);
  }
  return by_name != nullptr ? *by_name : *by_type;
}

void ParseShape(const ConfigValues& config, const Family& family, ModelSpec& spec) {
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.Int("hidden_size", 1, kMostHidden);
  spec.intermediate = config.Int("intermediate_size", 1, kMostIntermediate);
  spec.layers = config.Int("num_hidden_layers", 1, kMostLayers);
  spec.heads = config.Int("num_attention_heads", 1, kMostHeads);
  spec.max_positions = config.IntOr("max_position_embeddings", family.max_positions, 1, kMostPositions);

  if (config.HasValue("num_key_value_heads")) {
    spec.kv_heads = config.Int("num_key_value_heads", 1, kMostHeads);
  } else {  // null means "as many as query heads" in every family; a missing key means the class's default
    spec.kv_heads = config.Has("num_key_value_heads") ? spec.heads : family.kv_heads.value_or(spec.heads);
  }
  if (spec.heads % spec.kv_heads != 0) {
    throw InvalidArgument(kWhere, ": num_attention_heads is ", spec.heads, "; it must be a multiple of num_key_value_heads, ",
                          spec.kv_heads);
  }

  if (config.HasValue("head_dim")) {
    spec.head_dim = config.Int("head_dim", 2, kMostHeadDim);
  } else if (family.head_dim && !config.Has("head_dim")) {
    spec.head_dim = *family.head_dim;
  } else {
    if (spec.hidden % spec.heads != 0) {
      throw InvalidArgument(kWhere, ": hidden_size is ", spec.hidden,
                            "; without head_dim it must be a multiple of num_attention_heads, ", spec.heads);
    }
    spec.head_dim = spec.hidden / spec.heads;
  }
  if (spec.head_dim % 2 != 0) {
    throw InvalidArgument(kWhere, ": head_dim is ", spec.head_dim, "; rotary embeddings need an even one");
  }
}

void CheckSize(const ModelSpec& spec) {
  using Wide = unsigned __int128;
  const auto wide = [](int64_t x) { return static_cast<Wide>(x); };
  const Wide attention = wide(spec.hidden) * wide(2 * spec.QueryWidth() + 2 * spec.KeyWidth());
  const Wide block = attention + 3 * wide(spec.hidden) * wide(spec.intermediate);
  const Wide total = wide(spec.layers) * block + 2 * wide(spec.vocab) * wide(spec.hidden);
  if (total > static_cast<Wide>(kMostParameters)) {
    throw InvalidArgument(kWhere, ": num_hidden_layers ", spec.layers, ", hidden_size ", spec.hidden, ", intermediate_size ",
                          spec.intermediate, ", num_attention_heads ", spec.heads, ", head_dim ", spec.head_dim,
                          " and vocab_size ", spec.vocab, " make ", static_cast<double>(total), " parameters, more than ",
                          static_cast<double>(kMostParameters));
  }
}

// The window of the layers that slide: nothing where the setting switches sliding off.
std::optional<int64_t> Window(const ConfigValues& config, bool mistral) {
  const bool flag = config.HasValue("use_sliding_window") && config.Bool("use_sliding_window");
  if (!mistral && !flag) return std::nullopt;
  std::optional<int64_t> window;
  if (!config.Has("sliding_window")) window = kDefaultWindow;
  if (config.HasValue("sliding_window")) window = config.Int("sliding_window", 1, kMostPositions);
  if (mistral && config.HasValue("use_sliding_window") && flag != window.has_value()) {
    throw InvalidArgument(kWhere, ": use_sliding_window is ", flag ? "true" : "false", " but sliding_window is ",
                          window ? StrCat(*window) : std::string("null"), "; MistralForCausalLM goes by sliding_window alone");
  }
  return window;
}

// true: the layer slides. The names that transformers knows, its legacy "attention" included.
std::vector<bool> SlidingLayers(const JsonValue& types, int64_t layers) {
  if (!types.IsArray() || static_cast<int64_t>(types.Items().size()) != layers) {
    throw InvalidArgument(kWhere, ": layer_types must be a list of num_hidden_layers = ", layers, " names, found ",
                          types.IsArray() ? StrCat(types.Items().size()) : PrintableJson(types));
  }
  std::vector<bool> sliding;
  for (const JsonValue& type : types.Items()) {
    if (!type.IsString()) throw InvalidArgument(kWhere, ": layer_types holds ", PrintableJson(type), ", which is not a name");
    sliding.push_back(type.IsText("sliding_attention"));
    if (!sliding.back() && !type.IsText("full_attention") && !type.IsText("attention")) {
      throw Unimplemented(kWhere, ": layer_types holds ", PrintableJson(type),
                          "; full_attention and sliding_attention are supported");
    }
  }
  return sliding;
}

void ParseWindows(const ConfigValues& config, ModelSpec& spec) {
  spec.windows.assign(static_cast<size_t>(spec.layers), 0);
  std::optional<std::vector<bool>> types;
  if (config.HasValue("layer_types")) types = SlidingLayers(config.Value("layer_types"), spec.layers);

  if (spec.architecture == "LlamaForCausalLM" || spec.architecture == "MistralForCausalLM") {
    // One kind of attention for all layers; transformers ignores layer_types here, so a list that says otherwise is for other
    // code.
    const bool mistral = spec.architecture == "MistralForCausalLM";
    const std::optional<int64_t> window = mistral ? Window(config, true) : std::nullopt;
    if (window) std::fill(spec.windows.begin(), spec.windows.end(), *window);
    if (types && std::find(types->begin(), types->end(), !window.has_value()) != types->end()) {
      throw Unimplemented(kWhere, ": layer_types = ", PrintableJson(config.Value("layer_types")), " is not supported for ",
                          spec.architecture, " with sliding_window ", window ? StrCat(*window) : std::string("null"));
    }
    return;
  }

  const std::optional<int64_t> window = Window(config, false);
  if (!types) {
    if (!window) return;
    const int64_t full_layers = config.IntOr("max_window_layers", kDefaultMaxWindowLayers, 0, kMostLayers);
    for (int64_t layer = full_layers; layer < spec.layers; ++layer) spec.windows[static_cast<size_t>(layer)] = *window;
    return;
  }
  for (size_t layer = 0; layer < types->size(); ++layer) {
    if (!(*types)[layer]) continue;
    if (!window) {
      throw InvalidArgument(kWhere, ": layer_types[", layer,
                            "] is sliding_attention but use_sliding_window is off or sliding_window is null");
    }
    spec.windows[layer] = *window;
  }
}

JsonValue ParseConfigText(const std::string& text) {
  if (text.size() > static_cast<size_t>(kMostConfigBytes)) {
    throw InvalidArgument(kWhere, ": ", text.size(), " bytes; at most ", kMostConfigBytes, " are read");
  }
  return ParseJson(text, kWhere);
}

}  // namespace

ModelSpec ParseConfig(const std::string& json_text) {
  const JsonValue object = ParseConfigText(json_text);
  const ConfigValues config(object, kWhere);
  const Family& family = FamilyOf(config);
  ModelSpec spec;
  spec.architecture = family.architecture;
  RefuseUnsupported(config, spec.architecture);
  ParseShape(config, family, spec);
  CheckSize(spec);

  spec.rms_epsilon = config.RealOr("rms_norm_eps", 1e-6, 1e-30, 1.0);
  spec.initializer_range = config.RealOr("initializer_range", 0.02, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", false);
  const bool qwen2 = spec.architecture == "Qwen2ForCausalLM";
  const bool attention_bias = !qwen2 && config.BoolOr("attention_bias", false);
  spec.qkv_bias = qwen2 || attention_bias;
  spec.o_bias = attention_bias;
  spec.mlp_bias = config.BoolOr("mlp_bias", false);
  spec.qk_norm = spec.architecture == "Qwen3ForCausalLM";
  spec.rope = ParseRope(config, spec.max_positions);
  ParseWindows(config, spec);
  return spec;
}

std::string ConfigForSaving(const std::string& json_text, const ModelSpec& spec, DType saved) {
  JsonValue object = ParseConfigText(json_text);
  const std::string type = saved == DType::kF32 ? "float32" : saved == DType::kBF16 ? "bfloat16" : "float16";
  const auto has = [&](const char* key) { return object.Find(key) != nullptr; };
  const auto lacks = [&](const char* key) { return !has(key) || object.Find(key)->IsNull(); };
  // Releases of transformers before 4.56 know torch_dtype alone, later ones both.
  if (has("dtype")) object.Set("dtype", JsonValue(type));
  if (has("torch_dtype") || !has("dtype")) object.Set("torch_dtype", JsonValue(type));
  for (const Family& family : kFamilies) {
    if (spec.architecture != family.architecture) continue;
    if (lacks("architectures")) object.Set("architectures", JsonValue(JsonValue::Array{JsonValue(spec.architecture)}));
    if (lacks("model_type")) object.Set("model_type", JsonValue(std::string(family.model_type)));
  }
  JsonWriter json(JsonWriter::Style::kIndented);
  object.Write(json);
  return json.Take() + "\n";
}

}  // namespace hlm
