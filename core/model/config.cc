#include "core/model/config.h"

#include <array>
#include <string>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/model/config_refusals.h"
#include "core/model/config_values.h"
#include "core/model/families/common.h"

namespace hlm {
namespace {

std::string Supported() {
  std::string names;
  for (const Family* family : Families()) names += (names.empty() ? "" : ", ") + std::string(family->model_type);
  return names;
}

const Family* FamilyOfArchitecture(const ConfigValues& config) {
  if (!config.HasValue("architectures")) return nullptr;
  const JsonValue& names = config.Value("architectures");
  if (!names.IsArray() || names.Items().size() != 1 || !names.Items()[0].IsString()) {
    throw InvalidArgument(kConfig, ": architectures must be a list of one name, found ", PrintableJson(names));
  }
  // Released files do not always write a class's name as transformers does (PhiMoEForCausalLM, PhimoeForCausalLM).
  for (const Family* family : Families()) {
    if (SameWord(names.Items()[0].String(), family->architecture)) return family;
  }
  throw Unimplemented(kConfig, ": architecture ", PrintableJson(names.Items()[0]),
                      " is not supported (the causal language models of ", Supported(), " are)");
}

const Family* FamilyOfModelType(const ConfigValues& config) {
  if (!config.HasValue("model_type")) return nullptr;
  const std::string type = config.String("model_type");
  for (const Family* family : Families()) {
    if (type == family->model_type) return family;
  }
  throw Unimplemented(kConfig, ": model_type ", Printable(type), " is not supported (", Supported(), " are)");
}

const Family& FamilyOf(const ConfigValues& config) {
  const Family* by_name = FamilyOfArchitecture(config);
  const Family* by_type = FamilyOfModelType(config);
  if (by_name == nullptr && by_type == nullptr) throw InvalidArgument(kConfig, ": architectures and model_type are missing");
  if (by_name != nullptr && by_type != nullptr && by_type->other_architecture != nullptr &&
      std::string(by_name->architecture) == by_type->other_architecture) {
    return *by_type;
  }
  if (by_name != nullptr && by_type != nullptr && by_name != by_type) {
    throw InvalidArgument(kConfig, ": architectures says ", by_name->architecture, " but model_type says ", by_type->model_type);
  }
  return by_name != nullptr ? *by_name : *by_type;
}

JsonValue ParseConfigText(const std::string& text) {
  if (text.size() > static_cast<size_t>(kMostConfigBytes)) {
    throw InvalidArgument(kConfig, ": ", text.size(), " bytes; at most ", kMostConfigBytes, " are read");
  }
  return ParseJson(text, kConfig);
}

void ReadQuantization(const ConfigValues& config, ModelNames& names) {
  names.fp8 = ReadFp8Format(config);
  if (names.fp8.on) names.ignored_suffixes.push_back(".activation_scale");
}

}  // namespace

// A text model inside something larger: its mathematics is that of text_config, its folder has tensors of other parts.
struct Wrapper {
  const char* architecture;
  const char* model_type;
  bool tied;  // where the file does not say
  // Prefixes of the text model's tensors with the names of their heads: as a new folder has them, then others.
  std::vector<std::pair<const char*, const char*>> prefixes;
  std::vector<const char*> towers;  // prefixes of other parts' tensors
};
const std::vector<Wrapper>& Wrappers() {
  // In files of the hub first, then as transformers 5 has them in memory.
  static const std::vector<std::pair<const char*, const char*>> kLlava = {
      {"language_model.model.", "language_model.lm_head.weight"}, {"model.language_model.", "lm_head.weight"}};
  static const std::vector<const char*> kTowers = {"vision_tower.", "multi_modal_projector.", "model.vision_tower.",
                                                   "model.multi_modal_projector."};
  static const std::vector<const char*> kGemma4Towers = {"vision_tower.",       "audio_tower.",        "embed_vision.",
                                                         "embed_audio.",        "model.vision_tower.", "model.audio_tower.",
                                                         "model.embed_vision.", "model.embed_audio."};
  static const std::vector<Wrapper> kWrappers = {
      {"Mistral3ForConditionalGeneration", "mistral3", true, kLlava, kTowers},
      {"Gemma3ForConditionalGeneration", "gemma3", true, kLlava, kTowers},
      {"Gemma4ForConditionalGeneration", "gemma4", true, kLlava, kGemma4Towers},
      {"Qwen3_5ForConditionalGeneration", "qwen3_5", false, {{"model.language_model.", "lm_head.weight"}}, {"model.visual."}},
      {"Qwen3_5MoeForConditionalGeneration",
       "qwen3_5_moe",
       false,
       {{"model.language_model.", "lm_head.weight"}},
       {"model.visual."}}};
  return kWrappers;
}

const Wrapper* WrapperOf(const ConfigValues& config) {
  if (!config.HasValue("text_config") || !config.HasValue("model_type") || !config.Value("model_type").IsString()) return nullptr;
  for (const Wrapper& wrapper : Wrappers()) {
    if (config.Value("model_type").IsText(wrapper.model_type)) return &wrapper;
  }
  return nullptr;
}

ModelConfig ReadWrapped(const ConfigValues& whole, const Wrapper& wrapper) {
  JsonValue text = whole.Value("text_config");
  const ConfigValues config(text, whole.where() + ": text_config");
  // The outer word on tying counts; files leave it out where it is the class's own.
  text.Set("tie_word_embeddings", JsonValue(whole.BoolOr("tie_word_embeddings", wrapper.tied)));
  const Family* family = FamilyOfModelType(config);
  if (family == nullptr) throw InvalidArgument(config.where(), ": model_type is missing");
  ModelConfig read;
  read.names = LlamaNames();
  read.spec.architecture = wrapper.architecture;
  read.spec.family = wrapper.model_type;
  family->read(config, read.spec, read.names);
  ReadQuantization(whole, read.names);
  if (!read.names.fp8.on) {
    RefuseUnless(whole, "quantization_config", Off::kEmpty, wrapper.architecture);
    ReadQuantization(config, read.names);
  }
  RefuseUntaken(config, family->architecture, read.spec);
  read.names.prefix = wrapper.prefixes.front().first;
  if (!read.spec.tied) read.names.head = wrapper.prefixes.front().second;
  for (size_t i = 1; i < wrapper.prefixes.size(); ++i) {
    read.names.other_prefixes.push_back(wrapper.prefixes[i].first);
    read.names.other_heads.push_back(wrapper.prefixes[i].second);
  }
  for (const char* part : wrapper.towers) read.names.carried_prefixes.push_back(part);
  return read;
}

ModelConfig ReadConfig(const std::string& json_text) {
  const JsonValue object = ParseConfigText(json_text);
  const ConfigValues config(object, kConfig);
  if (const Wrapper* wrapper = WrapperOf(config)) return ReadWrapped(config, *wrapper);
  const Family& family = FamilyOf(config);
  ModelConfig read;
  read.names = LlamaNames();
  read.spec.architecture = family.architecture;
  read.spec.family = family.model_type;
  family.read(config, read.spec, read.names);
  ReadQuantization(config, read.names);
  RefuseUntaken(config, read.spec.architecture, read.spec);
  return read;
}

ModelSpec ParseConfig(const std::string& json_text) { return ReadConfig(json_text).spec; }

std::string ConfigForSaving(const std::string& json_text, const ModelSpec& spec, DType saved) {
  JsonValue object = ParseConfigText(json_text);
  const std::string type = saved == DType::kF32 ? "float32" : saved == DType::kBF16 ? "bfloat16" : "float16";
  const auto has = [&](const char* key) { return object.Find(key) != nullptr; };
  const auto lacks = [&](const char* key) { return !has(key) || object.Find(key)->IsNull(); };
  // What is saved is not quantized, whatever was read.
  std::erase_if(object.Members(), [](const auto& member) { return member.name == "quantization_config"; });
  // Releases of transformers before 4.56 know torch_dtype alone, later ones both.
  if (has("dtype")) object.Set("dtype", JsonValue(type));
  if (has("torch_dtype") || !has("dtype")) object.Set("torch_dtype", JsonValue(type));
  if (lacks("architectures")) object.Set("architectures", JsonValue(JsonValue::Array{JsonValue(spec.architecture)}));
  if (lacks("model_type")) object.Set("model_type", JsonValue(spec.family));
  JsonWriter json(JsonWriter::Style::kIndented);
  object.Write(json);
  return json.Take() + "\n";
}

}  // namespace hlm
