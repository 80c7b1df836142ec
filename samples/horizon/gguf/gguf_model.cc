#include "samples/horizon/gguf/gguf_model.h"

#include <cmath>
#include <cstring>
#include <map>
#include <numbers>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

// What a family is there.
struct Family {
  std::string arch;
  std::string activation = "silu", activation_key = "hidden_act";
  bool paired = false;      // queries and keys are rotated in pairs of neighbours
  bool ones_added = false;  // norms there multiply by their weight, here by 1 + weight
  int64_t full_every = 0;   // of so many layers the last one sees all that is before it, the others a window; 0: all see all
};

// Mistral is a Llama whose window no file of it says.
const std::map<std::string, Family> kFamilies = {
    {"llama", {.arch = "llama", .paired = true}},
    {"mistral", {.arch = "llama", .paired = true}},
    {"qwen2", {.arch = "qwen2"}},
    {"qwen3", {.arch = "qwen3"}},
    {"gemma", {.arch = "gemma", .activation = "gelu_pytorch_tanh", .ones_added = true}},
    {"gemma2",
     {.arch = "gemma2",
      .activation = "gelu_pytorch_tanh",
      .activation_key = "hidden_activation",
      .ones_added = true,
      .full_every = 2}},
    {"gemma3_text",
     {.arch = "gemma3",
      .activation = "gelu_pytorch_tanh",
      .activation_key = "hidden_activation",
      .ones_added = true,
      .full_every = 6}}};

const std::map<std::string, std::string> kLayerNames = {
    {"input_layernorm", "attn_norm"},    {"post_attention_layernorm", "ffn_norm"},
    {"self_attn.q_proj", "attn_q"},      {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},      {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},
    {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"}};

// Where there are norms behind attention and the MLP as well.
const std::map<std::string, std::string> kFourNorms = {{"post_attention_layernorm", "post_attention_norm"},
                                                       {"pre_feedforward_layernorm", "ffn_norm"},
                                                       {"post_feedforward_layernorm", "post_ffw_norm"}};

std::string TypeOf(const Json& config) { return config.value("model_type", ""); }

uint32_t Number(const Json& config, const char* key) {
  if (!config.contains(key) || !config[key].is_number_unsigned())
    throw Error(std::string("config.json: ") + key + " is not there");
  return config[key].get<uint32_t>();
}

uint32_t Heads(const Json& config) { return Number(config, "num_attention_heads"); }
uint32_t KeyHeads(const Json& config) {
  if (config.contains("num_key_value_heads") && config["num_key_value_heads"].is_number())
    return Number(config, "num_key_value_heads");
  // As transformers has it where nothing is said.
  const std::string type = TypeOf(config);
  return type == "gemma2" || type == "gemma3_text" ? 4 : type == "gemma" ? 16 : Heads(config);
}
uint32_t HeadDim(const Json& config) {
  if (config.contains("head_dim") && config["head_dim"].is_number_unsigned()) return config["head_dim"].get<uint32_t>();
  // As transformers has it where nothing is said.
  if (TypeOf(config).starts_with("gemma")) return 256;
  return TypeOf(config) == "qwen3" ? 128 : Number(config, "hidden_size") / Heads(config);
}

// Of either generation of config.json; of layers that see everything, where others have their own.
Json Rope(const Json& config) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (!config.contains(key) || !config[key].is_object()) continue;
    return config[key].contains("full_attention") ? config[key]["full_attention"] : config[key];
  }
  return Json::object();
}

double RopeTheta(const Json& config) {
  const Json rope = Rope(config);
  if (rope.contains("rope_theta") && rope["rope_theta"].is_number()) return rope["rope_theta"].get<double>();
  if (config.contains("rope_theta") && config["rope_theta"].is_number()) return config["rope_theta"].get<double>();
  return TypeOf(config) == "gemma3_text" ? 1e6 : 10000.0;
}

// Of Gemma 3's layers that see a window.
double LocalRopeTheta(const Json& config) {
  if (config.contains("rope_parameters") && config["rope_parameters"].contains("sliding_attention"))
    return config["rope_parameters"]["sliding_attention"].value("rope_theta", 10000.0);
  return config.value("rope_local_base_freq", 10000.0);
}

std::string RopeType(const Json& config) {
  const Json rope = Rope(config);
  return rope.value("rope_type", rope.value("type", "default"));
}

// What Llama 3.1 divides each frequency by.
std::vector<float> Llama3Factors(const Json& config) {
  const Json rope = Rope(config);
  const double factor = rope.value("factor", 8.0), low = rope.value("low_freq_factor", 1.0),
               high = rope.value("high_freq_factor", 4.0);
  const double context = rope.value("original_max_position_embeddings", 8192.0);
  const uint32_t dim = HeadDim(config);
  std::vector<float> factors;
  for (uint32_t i = 0; i < dim; i += 2) {
    const double wave = 2 * std::numbers::pi * std::pow(RopeTheta(config), static_cast<double>(i) / dim);
    double divisor = factor;
    if (wave < context / high) {
      divisor = 1;
    } else if (wave <= context / low) {
      const double smooth = (context / wave - low) / (high - low);
      divisor = 1 / ((1 - smooth) / factor + smooth);
    }
    factors.push_back(static_cast<float>(divisor));
  }
  return factors;
}

void AddRope(const Json& config, const std::string& arch, GgufWriter& writer) {
  const Json rope = Rope(config);
  const std::string type = RopeType(config);
  writer.Add(arch + ".rope.freq_base", static_cast<float>(RopeTheta(config)));
  writer.Add(arch + ".rope.dimension_count", HeadDim(config));
  if (type == "linear" || type == "yarn") {
    writer.Add(arch + ".rope.scaling.type", type);
    writer.Add(arch + ".rope.scaling.factor", static_cast<float>(rope.value("factor", 1.0)));
  }
  if (type == "yarn" && rope.contains("original_max_position_embeddings")) {
    writer.Add(arch + ".rope.scaling.original_context_length", rope["original_max_position_embeddings"].get<uint32_t>());
  }
  if (type == "llama3") {
    const std::vector<float> factors = Llama3Factors(config);
    writer.AddTensor("rope_freqs.weight", {static_cast<int64_t>(factors.size())}, GgufType::kF32, [factors] {
      std::vector<char> bytes(4 * factors.size());
      std::memcpy(bytes.data(), factors.data(), bytes.size());
      return bytes;
    });
  }
}

bool IsTied(const Json& config) {
  return config.value("tie_word_embeddings",
                      TypeOf(config).starts_with("gemma"));  // as transformers has it where nothing is said
}

// What llama.cpp has no setting for is its own constant; a model that was trained with another value would be another one there.
void CheckWindows(const Json& config, const Family& family) {
  const uint32_t layers = Number(config, "num_hidden_layers");
  const Json types = config.value("layer_types", Json());
  for (uint32_t layer = 0; types.is_array() && layer < types.size(); ++layer) {
    const bool full = (layer + 1) % static_cast<uint64_t>(family.full_every) == 0;
    if ((types[layer] == "full_attention") != full)
      throw Error("--gguf: layer_types: llama.cpp's " + family.arch + " has full attention in every layer of number " +
                  std::to_string(family.full_every) + ", the model does not");
  }
  if (config.contains("sliding_window_pattern") && config["sliding_window_pattern"] != family.full_every)
    throw Error("--gguf: sliding_window_pattern " + config["sliding_window_pattern"].dump() + " is not written; " +
                std::to_string(family.full_every) + " is");
  // The largest of each generation has a scale of its own.
  const bool largest = layers == (family.full_every == 2 ? 46u : 62u);
  const double scalar = largest ? static_cast<double>(Number(config, "hidden_size")) / Heads(config) : HeadDim(config);
  if (config.value("query_pre_attn_scalar", 256.0) != scalar)
    throw Error("--gguf: query_pre_attn_scalar " + config["query_pre_attn_scalar"].dump() + " is not written; llama.cpp's " +
                family.arch + " has " + Format("%g", scalar) + " here");
  if (family.arch == "gemma3") {
    if (LocalRopeTheta(config) != 10000.0)
      throw Error("--gguf: rotary positions of base " + Format("%g", LocalRopeTheta(config)) +
                  " in layers with a window are not written");
    if (config.contains("final_logit_softcapping") && config["final_logit_softcapping"].is_number())
      throw Error("--gguf: gemma3 with final_logit_softcapping is not written");
    return;
  }
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    if (config.contains(key) && !config[key].is_number())
      throw Error(std::string("--gguf: gemma2 without ") + key + " is not written");
  }
}

void AddWindows(const Json& config, const std::string& arch, GgufWriter& writer) {
  writer.Add(arch + ".attention.sliding_window", Number(config, "sliding_window"));
  if (arch != "gemma2") return;
  writer.Add(arch + ".attn_logit_softcapping", static_cast<float>(config.value("attn_logit_softcapping", 50.0)));
  writer.Add(arch + ".final_logit_softcapping", static_cast<float>(config.value("final_logit_softcapping", 30.0)));
}

// Llama's rotation there pairs neighbours, here the halves of a head: rows of a head go 0, d/2, 1, d/2 + 1, ...
std::vector<char> PairedRows(const std::vector<char>& bytes, int64_t rows, int64_t heads) {
  const size_t row = bytes.size() / static_cast<size_t>(rows);
  const int64_t dim = rows / heads;
  std::vector<char> paired(bytes.size());
  for (int64_t to = 0; to < rows; ++to) {
    const int64_t in = to % dim, from = to - in + in / 2 + (in % 2) * (dim / 2);
    std::memcpy(paired.data() + static_cast<size_t>(to) * row, bytes.data() + static_cast<size_t>(from) * row, row);
  }
  return paired;
}

void AddWeights(const Json& config, const SavedTensors& tensors, GgufType type, const Family& family, GgufWriter& writer) {
  const bool four_norms = tensors.all().contains("model.layers.0.pre_feedforward_layernorm.weight");
  const std::string saved = type == GgufType::kF32 ? "F32" : type == GgufType::kF16 ? "F16" : "BF16";
  const bool tied = IsTied(config);
  for (const auto& [name, tensor] : tensors.all()) {
    if (tied && name == "lm_head.weight") continue;
    const std::string own = GgufName(name, four_norms);
    if (own.empty()) throw Error(name + ": llama.cpp's " + family.arch + " has no such tensor");
    const bool vector = tensor.shape.size() == 1;
    if (!vector && tensor.dtype != saved) throw Error(name + ": is " + tensor.dtype + ", not " + saved);
    int64_t heads = 0;
    if (family.paired && name.find("self_attn.q_proj.") != std::string::npos) heads = Heads(config);
    if (family.paired && name.find("self_attn.k_proj.") != std::string::npos) heads = KeyHeads(config);
    const SavedTensor* source = &tensor;
    const float added = family.ones_added && name.ends_with("norm.weight") ? 1.0f : 0.0f;
    writer.AddTensor(own, tensor.shape, vector ? GgufType::kF32 : type, [source, vector, heads, added] {
      std::vector<char> bytes;
      if (vector) {
        std::vector<float> values = source->Floats();
        for (float& value : values) value += added;
        bytes.resize(4 * values.size());
        std::memcpy(bytes.data(), values.data(), bytes.size());
      } else {
        bytes = source->Read();
      }
      return heads == 0 ? bytes : PairedRows(bytes, source->shape[0], heads);
    });
  }
}

}  // namespace

std::string GgufName(const std::string& name, bool four_norms) {
  if (name == "model.embed_tokens.weight") return "token_embd.weight";
  if (name == "model.norm.weight") return "output_norm.weight";
  if (name == "lm_head.weight") return "output.weight";
  const std::string layers = "model.layers.";
  if (!name.starts_with(layers)) return "";
  const size_t dot = name.find('.', layers.size()), last = name.rfind('.');
  if (dot == std::string::npos || last <= dot) return "";
  const std::string part = name.substr(dot + 1, last - dot - 1);
  const auto* names = four_norms && kFourNorms.contains(part) ? &kFourNorms : &kLayerNames;
  const auto found = names->find(part);
  if (found == names->end()) return "";
  return "blk." + name.substr(layers.size(), dot - layers.size()) + "." + found->second + name.substr(last);
}

void CheckGguf(const Json& config) {
  if (!config.is_object()) throw Error("--gguf: config.json is no JSON object");
  const std::string type = TypeOf(config), rope = RopeType(config);
  if (!kFamilies.contains(type))
    throw Error("--gguf: a model of type '" + type +
                "' is not written; llama, mistral, qwen2, qwen3, gemma, gemma2 and gemma3_text are");
  if (rope != "default" && rope != "linear" && rope != "yarn" && rope != "llama3")
    throw Error("--gguf: rotary positions of type '" + rope + "' are not written");
  if (config.value("use_sliding_window", false))
    throw Error("--gguf: use_sliding_window is not written: llama.cpp's " + type + " has full attention");
  const Family& family = kFamilies.at(type);
  std::string activation = config.value(family.activation_key, family.activation);
  if (type == "gemma" && activation == "gelu") activation = family.activation;  // what its first files call the approximation
  if (activation != family.activation) throw Error("--gguf: " + family.activation_key + " " + activation + " is not written");
  if (family.full_every > 0) CheckWindows(config, family);
}

void AddModel(const Json& config, const SavedTensors& tensors, GgufType type, GgufWriter& writer) {
  CheckGguf(config);
  const Family& family = kFamilies.at(TypeOf(config));
  const std::string& arch = family.arch;
  writer.Add("general.architecture", arch);
  writer.Add("general.type", "model");
  writer.Add("general.file_type", type == GgufType::kF32 ? 0u : type == GgufType::kF16 ? 1u : 32u);
  writer.Add("general.quantization_version", 2u);
  writer.Add(arch + ".block_count", Number(config, "num_hidden_layers"));
  writer.Add(arch + ".context_length", Number(config, "max_position_embeddings"));
  writer.Add(arch + ".embedding_length", Number(config, "hidden_size"));
  writer.Add(arch + ".feed_forward_length", Number(config, "intermediate_size"));
  writer.Add(arch + ".attention.head_count", Heads(config));
  writer.Add(arch + ".attention.head_count_kv", KeyHeads(config));
  writer.Add(arch + ".attention.key_length", HeadDim(config));
  writer.Add(arch + ".attention.value_length", HeadDim(config));
  writer.Add(arch + ".attention.layer_norm_rms_epsilon", static_cast<float>(config.value("rms_norm_eps", 1e-6)));
  writer.Add(arch + ".vocab_size", Number(config, "vocab_size"));
  AddRope(config, arch, writer);
  if (family.full_every > 0) AddWindows(config, arch, writer);
  AddWeights(config, tensors, type, family, writer);
}

}  // namespace horizon
