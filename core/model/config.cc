#include "core/model/config.h"

#include <array>
#include <string>
#include <string_view>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/model/config_refusals.h"
#include "core/model/config_values.h"
#include "core/model/families/common.h"
#include "core/model/key_aliases.h"
#include "core/model/wrappers.h"

namespace hlm {
namespace {

std::string Supported() {
  std::string names;
  for (const Family* family : Families()) names += (names.empty() ? "" : ", ") + std::string(family->model_type);
  return names;
}

// Of what is refused as a whole: the text model inside, where that is a family's.
std::string TextInside(const ConfigValues& config) {
  const JsonValue* text = config.object().Find("text_config");
  const JsonValue* type = text != nullptr && text->IsObject() ? text->Find("model_type") : nullptr;
  for (const Family* family : Families()) {
    if (type != nullptr && type->IsText(family->model_type))
      return StrCat("; its text_config is ", family->model_type, ", which is taken alone");
  }
  return "";
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
                      " is not supported (the causal language models of ", Supported(), " are)", TextInside(config));
}

const Family* FamilyOfModelType(const ConfigValues& config) {
  if (!config.HasValue("model_type")) return nullptr;
  const std::string type = config.String("model_type");
  for (const Family* family : Families()) {
    if (type == family->model_type) return family;
  }
  throw Unimplemented(config.where(), ": model_type ", Printable(type), " is not supported (", Supported(), " are)",
                      TextInside(config));
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

// Heads of these classes multiply and cap no logits (transformers 5.24), whatever the text model's own class does: which of the two a
// folder was trained with, nobody says. Gemma 4's does as its text model.
void RefuseScaledHead(const ConfigValues& config, const Wrapper& wrapper, const ModelSpec& spec) {
  const std::string type = wrapper.model_type;
  if ((spec.head.scale == 1 && spec.head.softcap == 0) || type == "gemma4" || type == "gemma4_unified") return;
  std::string setting =
      spec.head.scale != 1 ? StrCat("a scale of ", spec.head.scale) : StrCat("a soft cap of ", spec.head.softcap);
  for (const char* key : {"logit_scale", "logits_scaling", "lm_head_multiplier", "final_logit_softcapping"}) {
    if (config.HasValue(key)) setting = StrCat(key, " = ", PrintableJson(config.Value(key)));
  }
  throw Unimplemented(config.where(), ": ", setting, " of the logits is not supported inside ", wrapper.architecture,
                      ", whose head in transformers leaves it out");
}

// The mathematics is that of the text model, the folder has tensors of other parts.
ModelConfig ReadWrapped(const ConfigValues& whole, const Wrapper& wrapper) {
  const JsonValue text = TextConfig(whole, wrapper);
  const ConfigValues config(text, whole.HasValue("text_config") ? whole.where() + ": text_config" : whole.where());
  const Family* family = FamilyOfModelType(config);
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
  RefuseScaledHead(config, wrapper, read.spec);
  NameWrapped(wrapper, read.spec.tied, read.names);
  return read;
}

ModelConfig ReadObject(JsonValue object) {
  RenameAliases(object);
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

// The setting that a refusal names: "config.json: X = 1 is not supported ..." or "config.json: text_config: X = 1 ..." -> "X = 1".
std::string SettingOf(const std::string& message) {
  size_t begin = message.find(": ");
  if (begin == std::string::npos) return message;
  begin += 2;
  constexpr std::string_view kText = "text_config: ";
  if (message.compare(begin, kText.size(), kText) == 0) begin += kText.size();
  return message.substr(begin, message.find(" is not supported") - begin);
}

// The members that the mathematics is read from: those of text_config where the text model is inside something larger.
JsonValue::Object& MembersRead(JsonValue& object) {
  if (WrapperOf(ConfigValues(object, kConfig)) != nullptr) {
    for (auto& member : object.Members()) {
      if (member.name == "text_config" && member.value.IsObject()) return member.value.Members();
    }
  }
  return object.Members();
}

// Reading ends at the first setting that a family cannot take. Members are left out one at a time until another refusal comes, or none:
// so that all are told.
Error WithOtherRefusals(JsonValue object, const Error& first) {
  std::string all = first.message(), last = all;
  for (size_t i = 0; i < MembersRead(object).size();) {
    const std::string name = MembersRead(object)[i].name;
    JsonValue without = object;
    JsonValue::Object& left = MembersRead(without);
    left.erase(left.begin() + static_cast<int64_t>(i++));
    if (name == "model_type" || name == "architectures" || name == "text_config") continue;
    try {
      ReadObject(without);
      break;  // it was the last
    } catch (const Error& next) {
      if (next.code() != Code::kUnimplemented || next.message() == last) continue;
      if (all.find(SettingOf(next.message())) != std::string::npos) break;  // of a list that was told
      last = next.message();
      all += "; " + last.substr(std::string(kConfig).size() + 2);
      object = std::move(without);
      i = 0;
    }
  }
  return Error(Code::kUnimplemented, all);
}

}  // namespace

ModelConfig ReadConfig(const std::string& json_text) {
  constexpr size_t kMostBytes = 65536, kMostMembers = 256;  // to look for more than one refusal in
  JsonValue object = ParseConfigText(json_text);
  try {
    return ReadObject(object);
  } catch (const Error& error) {
    if (error.code() != Code::kUnimplemented || json_text.size() > kMostBytes || MembersRead(object).size() > kMostMembers) throw;
    throw WithOtherRefusals(object, error);
  }
}

ModelSpec ParseConfig(const std::string& json_text) { return ReadConfig(json_text).spec; }

std::string ConfigForSaving(const std::string& json_text, const ModelSpec& spec, std::optional<DType> saved) {
  JsonValue object = ParseConfigText(json_text);
  const auto has = [&](const char* key) { return object.Find(key) != nullptr; };
  const auto lacks = [&](const char* key) { return !has(key) || object.Find(key)->IsNull(); };
  if (saved) {
    const std::string type = *saved == DType::kF32 ? "float32" : *saved == DType::kBF16 ? "bfloat16" : "float16";
    // What is saved is not quantized, whatever was read.
    const auto erase = [](JsonValue::Object& members) {
      std::erase_if(members, [](const auto& member) { return member.name == "quantization_config"; });
    };
    erase(object.Members());
    erase(MembersRead(object));
    // Releases of transformers before 4.56 know torch_dtype alone, later ones both.
    if (has("dtype")) object.Set("dtype", JsonValue(type));
    if (has("torch_dtype") || !has("dtype")) object.Set("torch_dtype", JsonValue(type));
  }
  if (lacks("architectures")) object.Set("architectures", JsonValue(JsonValue::Array{JsonValue(spec.architecture)}));
  if (lacks("model_type")) object.Set("model_type", JsonValue(spec.family));
  JsonWriter json(JsonWriter::Style::kIndented);
  object.Write(json);
  return json.Take() + "\n";
}

}  // namespace hlm
