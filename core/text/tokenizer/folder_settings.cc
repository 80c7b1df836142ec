#include "core/text/tokenizer/folder_settings.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"

namespace hlm {
namespace {

constexpr int64_t kLargestSettings = int64_t{64} << 20;

JsonValue ReadObjectIfThere(const std::string& path) {
  return IsRegularFile(path) ? ParseJsonObject(ReadSmallFile(path, kLargestSettings), PrintablePath(path)) : JsonValue();
}

std::string TextOf(const JsonValue& json, const char* name) {
  const JsonValue* value = json.Find(name);
  return value != nullptr && value->IsString() ? value->String() : std::string();
}

std::string WithoutFast(std::string name) {
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  return name;
}

// The class that transformers 5.24 registers for a model type, for those that older files belong to.
constexpr struct {
  const char* name;
  const char* types;  // each with a space on both sides
} kRegistered[] = {
    {"GemmaTokenizer", " gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text recurrent_gemma shieldgemma2 t5gemma "},
    {"GPT2Tokenizer", " codegen dbrx emu3 gpt2 gpt_neo gptj jais2 opt phi starcoder2 "},
    {"GPTNeoXTokenizer", " falcon_mamba gpt_neox mamba mamba2 mpt olmo olmoe rwkv xlstm "},
    {"Qwen2Tokenizer", " qwen2 qwen2_5_vl qwen2_audio qwen2_moe qwen2_vl qwen3 qwen3_moe qwen3_next qwen3_vl qwen3_vl_moe "},
    {"Qwen3_5Tokenizer", " qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text "},
    {"CohereTokenizer", " cohere cohere2 aya_vision "},
    {"CodeLlamaTokenizer", " code_llama "},
    {"TokenizersBackend",
     " arctic ernie4_5 ernie4_5_moe flex_olmo fuyu glm glm4 glm4_moe gpt_bigcode granite granitemoe granitemoehybrid "
     "granitemoeshared hyperclovax internlm2 internlm3 jamba kimi_linear llava llava_next minicpm3 minimax_m2 ministral "
     "ministral3 "
     "mistral mistral3 mixtral nemotron olmo2 olmo3 olmo_hybrid persimmon phi3 phimoe pixtral stablelm "},
};

}  // namespace

FolderSettings FolderSettings::Read(const std::string& folder) {
  FolderSettings settings = ReadBesideJson(folder);
  settings.added_tokens = ReadObjectIfThere(folder + "/added_tokens.json");
  return settings;
}

FolderSettings FolderSettings::ReadBesideJson(const std::string& folder) {
  FolderSettings settings;
  settings.tokenizer_config = ReadObjectIfThere(folder + "/tokenizer_config.json");
  settings.special_tokens_map = ReadObjectIfThere(folder + "/special_tokens_map.json");
  settings.config = ReadObjectIfThere(folder + "/config.json");
  settings.where = PrintablePath(folder);
  return settings;
}

std::vector<std::pair<std::string, std::string>> ByteLevelDefaults(const std::string& class_name) {
  const std::string end = "<|endoftext|>";
  if (class_name == "GPT2Tokenizer" || class_name == "CodeGenTokenizer")
    return {{"unk_token", end}, {"bos_token", end}, {"eos_token", end}};
  if (class_name == "GPTNeoXTokenizer")
    return {{"unk_token", end}, {"bos_token", end}, {"eos_token", end}, {"pad_token", "<|padding|>"}};
  if (class_name == "Qwen2Tokenizer" || class_name == "Qwen3_5Tokenizer")
    return {{"unk_token", end}, {"eos_token", end}, {"pad_token", end}};
  return {};
}

bool FolderSettings::Flag(const char* name, bool missing) const {
  const JsonValue* value = tokenizer_config.Find(name);
  if (value == nullptr) return missing;
  if (value->IsNull()) return false;
  if (!value->IsBool()) {
    throw InvalidArgument(where, "/tokenizer_config.json: ", name, " is ", PrintableJson(*value), ", not a boolean");
  }
  return value->Bool();
}

std::string TokenizerClassOf(const FolderSettings& settings, bool registered_first) {
  std::string named = TextOf(settings.tokenizer_config, "tokenizer_class");
  if (named.empty()) named = TextOf(settings.config, "tokenizer_class");
  named = WithoutFast(named);
  if (named == "PreTrainedTokenizer" || named == "PythonBackend") named = "TokenizersBackend";
  const std::string type = TextOf(settings.config, "model_type");
  std::string registered;
  for (const auto& one : kRegistered) {
    if (!type.empty() && std::strstr(one.types, (" " + type + " ").c_str()) != nullptr) registered = one.name;
  }
  if (named.empty()) return registered.empty() ? "TokenizersBackend" : registered;
  if (registered == "TokenizersBackend" && registered_first) return registered;
  // Model types whose folders are known to name the wrong one.
  if (type == "qwen2" || type == "qwen3_5" || type == "qwen3_5_moe" || type == "qwen3_5_moe_text") return registered;
  return named;
}

}  // namespace hlm
