#include "core/model/wrappers.h"

#include <array>
#include <string>

#include "core/base/error.h"

namespace hlm {
namespace {

using Prefixes = std::vector<std::pair<const char*, const char*>>;

constexpr std::pair<const char*, const char*> kOutside = {"language_model.model.", "language_model.lm_head.weight"};
constexpr std::pair<const char*, const char*> kInside = {"model.language_model.", "lm_head.weight"};

// Voxtral's own numbers for its text.
constexpr const char* kVoxtralText = R"({"vocab_size": 131072, "hidden_size": 3072, "intermediate_size": 8192,
    "num_hidden_layers": 30, "num_key_value_heads": 8, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
    "rope_theta": 1e8, "head_dim": 128})";

const std::vector<Wrapper>& Wrappers() {
  static const Prefixes kOutsideFirst = {kOutside, kInside}, kInsideFirst = {kInside, kOutside}, kInsideOnly = {kInside},
                        kQwen2 = {{"model.", "lm_head.weight"}, kInside}, kTextModel = {{"model.text_model.", "lm_head.weight"}};
  static const std::vector<const char*> kTowers = {"vision_tower.",       "multi_modal_projector.",       "image_newline",
                                                   "model.vision_tower.", "model.multi_modal_projector.", "model.image_newline"};
  static const std::vector<const char*> kGemma4Towers = {"vision_tower.",       "audio_tower.",        "embed_vision.",
                                                         "embed_audio.",        "model.vision_tower.", "model.audio_tower.",
                                                         "model.embed_vision.", "model.embed_audio."};
  static const std::vector<const char*> kVisual = {"visual.", "model.visual."};
  static const std::vector<const char*> kExaone = {"model.visual.", "mtp."};
  static const std::vector<const char*> kVoxtral = {"audio_tower.", "multi_modal_projector.", "model.audio_tower.",
                                                    "model.multi_modal_projector."};
  static const std::vector<const char*> kIdeficsTowers = {"model.vision_model.", "model.connector."};
  static const std::vector<Wrapper> kWrappers = {
      {"Mistral3ForConditionalGeneration", "mistral3", "mistral", true, kOutsideFirst, kTowers},
      {"Gemma3ForConditionalGeneration", "gemma3", "gemma3_text", true, kOutsideFirst, kTowers},
      {"Gemma4ForConditionalGeneration", "gemma4", "gemma4_text", true, kOutsideFirst, kGemma4Towers},
      {"Gemma4UnifiedForConditionalGeneration", "gemma4_unified", "gemma4_unified_text", true, kOutsideFirst, kGemma4Towers},
      {"Qwen2VLForConditionalGeneration", "qwen2_vl", "qwen2_vl_text", false, kQwen2, kVisual, true, true},
      {"Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", "qwen2_5_vl_text", false, kQwen2, kVisual, true, true},
      {"Qwen3VLForConditionalGeneration", "qwen3_vl", "qwen3_vl_text", false, kInsideOnly, kVisual},
      {"Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe", "qwen3_vl_moe_text", false, kInsideOnly, kVisual},
      {"Qwen3_5ForConditionalGeneration", "qwen3_5", "qwen3_5_text", false, kInsideOnly, kVisual},
      {"Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe", "qwen3_5_moe_text", false, kInsideOnly, kVisual},
      {"Llama4ForConditionalGeneration",
       "llama4",
       "llama4_text",
       false,
       {kOutside},
       {"vision_model.", "multi_modal_projector."},
       false,
       false,
       true},
      {"LlavaForConditionalGeneration", "llava", "llama", false, kOutsideFirst, kTowers, true},
      {"LlavaNextForConditionalGeneration", "llava_next", "llama", false, kOutsideFirst, kTowers},
      {"LlavaOnevisionForConditionalGeneration", "llava_onevision", "qwen2", false, kOutsideFirst, kTowers, true},
      {"InternVLForConditionalGeneration", "internvl", "qwen2", true, kOutsideFirst, kTowers},
      {"Lfm2VlForConditionalGeneration", "lfm2_vl", "lfm2", true, kInsideFirst, kTowers},
      {"Exaone4_5_ForConditionalGeneration", "exaone4_5", "exaone4", false, kInsideOnly, kExaone},
      {"VoxtralForConditionalGeneration", "voxtral", "llama", false, kOutsideFirst, kVoxtral, false, false, false, kVoxtralText},
      {"Idefics3ForConditionalGeneration", "idefics3", "llama", false, kTextModel, kIdeficsTowers},
      {"SmolVLMForConditionalGeneration", "smolvlm", "llama", false, kTextModel, kIdeficsTowers}};
  return kWrappers;
}

// What the configuration classes of text models assume.
struct ClassSizes {
  const char* model_type;
  int64_t vocab, hidden, intermediate, layers, heads;
};
constexpr std::array<ClassSizes, 17> kClassSizes = {{{"llama", 32000, 4096, 11008, 32, 32},
                                                     {"mistral", 32000, 4096, 14336, 32, 32},
                                                     {"ministral3", 131072, 4096, 14336, 34, 32},
                                                     {"qwen2", 151936, 4096, 22016, 32, 32},
                                                     {"qwen3", 151936, 4096, 22016, 32, 32},
                                                     {"exaone4", 102400, 4096, 16384, 32, 32},
                                                     {"gemma3_text", 262208, 2304, 9216, 26, 8},
                                                     {"gemma4_text", 262144, 2304, 9216, 30, 8},
                                                     {"gemma4_unified_text", 262144, 2304, 9216, 30, 8},
                                                     {"lfm2", 65536, 2560, 12288, 32, 32},
                                                     {"llama4_text", 202048, 5120, 8192, 48, 40},
                                                     {"qwen2_vl_text", 152064, 8192, 29568, 80, 64},
                                                     {"qwen2_5_vl_text", 152064, 8192, 29568, 80, 64},
                                                     {"qwen3_vl_text", 151936, 4096, 22016, 32, 32},
                                                     {"qwen3_vl_moe_text", 151936, 2048, 5632, 24, 16},
                                                     {"qwen3_5_text", 248320, 4096, 12288, 32, 16},
                                                     {"qwen3_5_moe_text", 248320, 2048, 0, 40, 16}}};

void AddClassSizes(const std::string& model_type, JsonValue& text) {
  for (const ClassSizes& sizes : kClassSizes) {
    if (model_type != sizes.model_type) continue;
    const auto add = [&](const char* key, int64_t value) {
      if (value > 0 && text.Find(key) == nullptr) text.Set(key, JsonValue(value));
    };
    add("vocab_size", sizes.vocab);
    add("hidden_size", sizes.hidden);
    add("intermediate_size", sizes.intermediate);
    add("num_hidden_layers", sizes.layers);
    add("num_attention_heads", sizes.heads);
  }
}

// What the whole's class says of its text where the file does not; a rotary base may stand in the settings as well.
void AddUnsaid(const char* unsaid, JsonValue& text) {
  const JsonValue* settings = text.Find("rope_parameters");
  const bool has_base = settings != nullptr && settings->IsObject() && settings->Find("rope_theta") != nullptr;
  const JsonValue all = ParseJson(unsaid, "text_config");
  for (const auto& [key, value] : all.Members()) {
    if (text.Find(key) == nullptr && !(has_base && key == "rope_theta")) text.Set(key, value);
  }
}

bool HasTextConfig(const ConfigValues& config) { return config.HasValue("text_config"); }

}  // namespace

const Wrapper* WrapperOf(const ConfigValues& config) {
  if (!config.HasValue("model_type") || !config.Value("model_type").IsString()) return nullptr;
  for (const Wrapper& wrapper : Wrappers()) {
    if (config.Value("model_type").IsText(wrapper.model_type)) return HasTextConfig(config) || wrapper.flat ? &wrapper : nullptr;
  }
  return nullptr;
}

JsonValue TextConfig(const ConfigValues& whole, const Wrapper& wrapper) {
  JsonValue text = HasTextConfig(whole) ? whole.Value("text_config") : whole.object();
  const ConfigValues inner(text, HasTextConfig(whole) ? whole.where() + ": text_config" : whole.where());
  const bool said = inner.HasValue("model_type") && HasTextConfig(whole);
  std::string type = said ? inner.String("model_type") : wrapper.text_type;
  if (type == "exaone4_5_text") type = "exaone4";  // as the first folders have it
  bool tied = whole.BoolOr("tie_word_embeddings", wrapper.tied);
  if (wrapper.tied_by_text) tied = inner.HasValue("tie_word_embeddings") && inner.Bool("tie_word_embeddings");
  if (wrapper.tied_inside && inner.HasValue("tie_word_embeddings")) tied = tied || inner.Bool("tie_word_embeddings");
  if (!HasTextConfig(whole)) {
    std::erase_if(text.Members(), [](const auto& member) {
      return member.name == "text_config" || member.name == "vision_config" || member.name == "architectures";
    });
  }
  AddUnsaid(wrapper.unsaid, text);
  text.Set("model_type", JsonValue(type));
  text.Set("tie_word_embeddings", JsonValue(tied));
  AddClassSizes(type, text);
  return text;
}

void NameWrapped(const Wrapper& wrapper, bool tied, ModelNames& names) {
  names.prefix = wrapper.prefixes.front().first;
  if (!tied) names.head = wrapper.prefixes.front().second;
  for (size_t i = 1; i < wrapper.prefixes.size(); ++i) {
    names.other_prefixes.push_back(wrapper.prefixes[i].first);
    names.other_heads.push_back(wrapper.prefixes[i].second);
  }
  for (const char* part : wrapper.towers) names.carried_prefixes.push_back(part);
}

}  // namespace hlm
