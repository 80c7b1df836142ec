#include "samples/horizon/gguf/gguf_model.h"

#include <cmath>
#include <cstring>
#include <map>
#include <numbers>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

// The architecture there. Mistral is a Llama whose window no file of it says.
const std::map<std::string, std::string> kFamilies = {
    {"llama", "llama"}, {"mistral", "llama"}, {"qwen2", "qwen2"}, {"qwen3", "qwen3"}};

const std::map<std::string, std::string> kLayerNames = {
    {"input_layernorm", "attn_norm"},    {"post_attention_layernorm", "ffn_norm"},
    {"self_attn.q_proj", "attn_q"},      {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},      {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},
    {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"}};

std::string TypeOf(const Json& config) { return config.value("model_type", ""); }

uint32_t Number(const Json& config, const char* key) {
  if (!config.contains(key) || !config[key].is_number_unsigned())
    throw Error(std::string("config.json: ") + key + " is not there");
  return config[key].get<uint32_t>();
}

uint32_t Heads(const Json& config) { return Number(config, "num_attention_heads"); }
uint32_t KeyHeads(const Json& config) {
  return config.contains("num_key_value_heads") && config["num_key_value_heads"].is_number()
             ? Number(config, "num_key_value_heads")
             : Heads(config);
}
uint32_t HeadDim(const Json& config) {
  if (config.contains("head_dim") && config["head_dim"].is_number_unsigned()) return config["head_dim"].get<uint32_t>();
  return Number(config, "hidden_size") / Heads(config);
}

// Of either generation of config.json.
Json Rope(const Json& config) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (config.contains(key) && config[key].is_object()) return config[key];
  }
  return Json::object();
}

double RopeTheta(const Json& config) {
  const Json rope = Rope(config);
  if (rope.contains("rope_theta") && rope["rope_theta"].is_number()) return rope["rope_theta"].get<double>();
  return config.contains("rope_theta") && config["rope_theta"].is_number() ? config["rope_theta"].get<double>() : 10000.0;
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

void AddWeights(const Json& config, const SavedTensors& tensors, GgufType type, const std::string& arch, GgufWriter& writer) {
  const std::string saved = type == GgufType::kF32 ? "F32" : type == GgufType::kF16 ? "F16" : "BF16";
  const bool tied = config.value("tie_word_embeddings", false);
  for (const auto& [name, tensor] : tensors.all()) {
    if (tied && name == "lm_head.weight") continue;
    const std::string own = GgufName(name);
    if (own.empty()) throw Error(name + ": llama.cpp's " + arch + " has no such tensor");
    const bool vector = tensor.shape.size() == 1;
    if (!vector && tensor.dtype != saved) throw Error(name + ": is " + tensor.dtype + ", not " + saved);
    int64_t heads = 0;
    if (arch == "llama" && name.find("self_attn.q_proj.") != std::string::npos) heads = Heads(config);
    if (arch == "llama" && name.find("self_attn.k_proj.") != std::string::npos) heads = KeyHeads(config);
    const SavedTensor* source = &tensor;
    writer.AddTensor(own, tensor.shape, vector ? GgufType::kF32 : type, [source, vector, heads] {
      std::vector<char> bytes;
      if (vector) {
        const std::vector<float> values = source->Floats();
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

std::string GgufName(const std::string& name) {
  if (name == "model.embed_tokens.weight") return "token_embd.weight";
  if (name == "model.norm.weight") return "output_norm.weight";
  if (name == "lm_head.weight") return "output.weight";
  const std::string layers = "model.layers.";
  if (!name.starts_with(layers)) return "";
  const size_t dot = name.find('.', layers.size()), last = name.rfind('.');
  if (dot == std::string::npos || last <= dot) return "";
  const auto found = kLayerNames.find(name.substr(dot + 1, last - dot - 1));
  if (found == kLayerNames.end()) return "";
  return "blk." + name.substr(layers.size(), dot - layers.size()) + "." + found->second + name.substr(last);
}

void CheckGguf(const Json& config) {
  if (!config.is_object()) throw Error("--gguf: config.json is no JSON object");
  const std::string type = TypeOf(config), rope = RopeType(config);
  if (!kFamilies.contains(type))
    throw Error("--gguf: a model of type '" + type + "' is not written; llama, mistral, qwen2 and qwen3 are");
  if (rope != "default" && rope != "linear" && rope != "yarn" && rope != "llama3")
    throw Error("--gguf: rotary positions of type '" + rope + "' are not written");
  if (config.value("use_sliding_window", false))
    throw Error("--gguf: use_sliding_window is not written: llama.cpp's " + type + " has full attention");
  for (const char* key : {"hidden_act", "hidden_activation"}) {
    if (config.contains(key) && config[key].is_string() && config[key] != "silu")
      throw Error(std::string("--gguf: ") + key + " " + config[key].get<std::string>() + " is not written");
  }
}

void AddModel(const Json& config, const SavedTensors& tensors, GgufType type, GgufWriter& writer) {
  CheckGguf(config);
  const std::string arch = kFamilies.at(TypeOf(config));
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
  AddWeights(config, tensors, type, arch, writer);
}

}  // namespace horizon
