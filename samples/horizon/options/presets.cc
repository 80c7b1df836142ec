#include "samples/horizon/options/presets.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

enum class Family { kLlama, kMistral, kQwen2, kQwen3 };

struct Preset {
  const char* name;
  Family family;
  int64_t layers, hidden, intermediate, heads, kv_heads, vocabulary;
  bool tied;
  double norm_eps, rope_theta;
  int64_t max_positions;
};

// clang-format off
constexpr Preset kPresets[] = {
    // name           family             layers hidden inter. heads kv  vocab.  tied   eps   theta    positions
    {"tiny",          Family::kQwen2,         2,   64,   192,   4,  2,    256, false, 1e-6, 10000.0,      2048},
    {"qwen2.5-0.5b",  Family::kQwen2,        24,  896,  4864,  14,  2, 151936, true,  1e-6, 1000000.0,   32768},
    {"qwen2.5-1.5b",  Family::kQwen2,        28, 1536,  8960,  12,  2, 151936, true,  1e-6, 1000000.0,  131072},
    {"qwen2.5-7b",    Family::kQwen2,        28, 3584, 18944,  28,  4, 152064, false, 1e-6, 1000000.0,  131072},
    {"qwen2.5-14b",   Family::kQwen2,        48, 5120, 13824,  40,  8, 152064, false, 1e-5, 1000000.0,  131072},
    {"qwen2.5-32b",   Family::kQwen2,        64, 5120, 27648,  40,  8, 152064, false, 1e-5, 1000000.0,  131072},
    {"qwen2.5-72b",   Family::kQwen2,        80, 8192, 29568,  64,  8, 152064, false, 1e-5, 1000000.0,  131072},
    {"llama3-8b",     Family::kLlama,        32, 4096, 14336,  32,  8, 128256, false, 1e-5, 500000.0,     8192},
    {"llama3-70b",    Family::kLlama,        80, 8192, 28672,  64,  8, 128256, false, 1e-5, 500000.0,     8192},
    {"qwen3-8b",      Family::kQwen3,        36, 4096, 12288,  32,  8, 151936, false, 1e-6, 1000000.0,   40960},
    {"mistral-7b",    Family::kMistral,      32, 4096, 14336,  32,  8,  32000, false, 1e-5, 10000.0,     32768},
};
// clang-format on

void AddFamily(const Preset& preset, nlohmann::ordered_json& config) {
  const auto name = [&config](const char* architecture, const char* model_type) {
    config["architectures"] = {architecture};
    config["model_type"] = model_type;
  };
  switch (preset.family) {
    case Family::kLlama:
      name("LlamaForCausalLM", "llama");
      config["attention_bias"] = false;
      config["mlp_bias"] = false;
      break;
    case Family::kMistral:
      name("MistralForCausalLM", "mistral");
      config["sliding_window"] = 4096;
      break;
    case Family::kQwen2:
      name("Qwen2ForCausalLM", "qwen2");
      config["use_sliding_window"] = false;
      break;
    case Family::kQwen3:
      name("Qwen3ForCausalLM", "qwen3");
      config["attention_bias"] = false;
      config["head_dim"] = 128;
      config["use_sliding_window"] = false;
      break;
  }
}

}  // namespace

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.push_back(preset.name);
  return names;
}

std::string PresetConfig(const std::string& name) {
  std::string known;
  for (const Preset& preset : kPresets) {
    known += std::string(known.empty() ? "" : ", ") + preset.name;
    if (name != preset.name) continue;
    nlohmann::ordered_json config;
    AddFamily(preset, config);
    config["hidden_act"] = "silu";
    config["hidden_size"] = preset.hidden;
    config["intermediate_size"] = preset.intermediate;
    config["num_hidden_layers"] = preset.layers;
    config["num_attention_heads"] = preset.heads;
    config["num_key_value_heads"] = preset.kv_heads;
    config["vocab_size"] = preset.vocabulary;
    config["max_position_embeddings"] = preset.max_positions;
    config["rms_norm_eps"] = preset.norm_eps;
    config["rope_theta"] = preset.rope_theta;
    config["tie_word_embeddings"] = preset.tied;
    config["initializer_range"] = 0.02;
    config["torch_dtype"] = "bfloat16";
    return config.dump(2) + "\n";
  }
  throw UsageError("--preset " + name + " is not one of " + known);
}

}  // namespace horizon
