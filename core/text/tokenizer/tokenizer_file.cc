// tokenizer.json and the files beside it.
#include <utility>

#include "core/base/error.h"
#include "core/io/json_reader.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/read_model.h"
#include "core/text/tokenizer/special_tokens.h"
#include "core/text/tokenizer/tokenizer_parts.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace hlm {
namespace {

// The value of a member, null where there is none.
JsonValue Value(const RawMembers& members, const char* name, const std::string& where) {
  const auto found = members.find(name);
  if (found == members.end()) return JsonValue();
  return ParseJson(found->second.text, where + ": " + name);
}

// Classes of transformers that make their post-processor from add_bos_token and add_eos_token, whatever the file says.
bool FollowsBosRule(const JsonValue& config) {
  const JsonValue* name = config.Find("tokenizer_class");
  if (name == nullptr || !name->IsString()) return false;
  std::string text = name->String();
  if (text.ends_with("Fast")) text.resize(text.size() - 4);
  return text == "LlamaTokenizer" || text == "CodeLlamaTokenizer" || text == "GemmaTokenizer" || text == "CohereTokenizer";
}

void ApplyBosRule(const JsonValue& config, const std::string& where, Tokenizer::Parts& parts) {
  if (!FollowsBosRule(config)) return;
  const auto flag = [&](const char* name) -> std::optional<bool> {
    const JsonValue* value = config.Find(name);
    if (value == nullptr || !value->IsBool()) return std::nullopt;
    return value->Bool();
  };
  const auto bos = flag("add_bos_token"), eos = flag("add_eos_token");
  if (!bos && !eos) return;
  const auto id_of = [&](const char* role, const char* rule) {
    for (const SpecialToken& token : parts.special_tokens) {
      if (token.role != role) continue;
      const auto added = parts.added.ids.find(token.content);
      const int32_t id = added != parts.added.ids.end() ? added->second : parts.model->vocabulary().Find(token.content);
      if (id >= 0) return id;
      throw InvalidArgument(where, ": ", rule, " is true and ", role, " is \"", Printable(token.content),
                            "\", which is no token");
    }
    throw InvalidArgument(where, ": ", rule, " is true, but there is no ", role);
  };
  parts.post_processor.before.clear();
  parts.post_processor.after.clear();
  parts.post_processor.trim_offsets = false;
  if (bos.value_or(true)) parts.post_processor.before.push_back(id_of("bos_token", "add_bos_token"));
  if (eos.value_or(false)) parts.post_processor.after.push_back(id_of("eos_token", "add_eos_token"));
  parts.bos_rule = true;
}

}  // namespace

std::unique_ptr<Tokenizer::Parts> ReadTokenizerFile(std::string_view text, const std::string& where) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  JsonReader reader(text, where);
  RawMembers members, model;
  std::string_view key;
  for (reader.BeginObject(); reader.NextKey(key);) {
    const std::string name(key);
    if (name == "model" && reader.Peek() == '{') {
      model = ReadMembers(reader);
      members[name] = {"{}", reader.position()};
    } else {
      reader.Peek();
      const size_t at = reader.position();
      members[name] = {reader.Raw(), at};
    }
  }
  reader.End();
  if (members.find("model") == members.end()) throw InvalidArgument(where, ": \"model\" is missing: this is no tokenizer.json");

  auto parts = std::make_unique<Tokenizer::Parts>();
  const JsonValue normalizer = Value(members, "normalizer", where);
  if (!normalizer.IsNull()) parts->normalizer = MakeNormalizer(Component(normalizer, where + ": normalizer"));
  const JsonValue pre_tokenizer = Value(members, "pre_tokenizer", where);
  if (!pre_tokenizer.IsNull()) parts->pre_tokenizers = MakePreTokenizers(Component(pre_tokenizer, where + ": pre_tokenizer"));
  parts->model = ReadModel(model, parts->pre_tokenizers.byte_level, where + ": model");
  parts->added = ReadAddedTokens(Value(members, "added_tokens", where), where + ": added_tokens", parts->model->vocabulary(),
                                 parts->normalizer.get());
  const JsonValue post_processor = Value(members, "post_processor", where);
  if (!post_processor.IsNull()) parts->post_processor = MakePostProcessor(Component(post_processor, where + ": post_processor"));
  const JsonValue decoder = Value(members, "decoder", where);
  if (!decoder.IsNull()) parts->decoder = Decoder(Component(decoder, where + ": decoder"));
  parts->content_hash = XXH3_64bits(text.data(), text.size());
  return parts;
}

void ApplyTokenizerConfig(const FolderSettings& settings, const std::string& config_where, Tokenizer::Parts& parts) {
  parts.special_tokens =
      ReadSpecialTokens(settings, [&](const std::string& token) { return parts.added.ids.find(token) != parts.added.ids.end(); });
  ApplyBosRule(settings.tokenizer_config, config_where, parts);
  std::string rule;
  for (const int32_t id : parts.post_processor.before) rule += StrCat(id, " ");
  for (const int32_t id : parts.post_processor.after) rule += StrCat("| ", id);
  parts.content_hash = XXH3_64bits_withSeed(rule.data(), rule.size(), parts.content_hash);
}

}  // namespace hlm
