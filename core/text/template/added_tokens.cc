#include "core/text/template/added_tokens.h"

#include "core/base/error.h"
#include "core/io/json_reader.h"
#include "core/io/json_text.h"

namespace hlm {

std::vector<std::pair<int64_t, std::string>> ReadAddedTokens(std::string_view tokenizer_json, const std::string& where) {
  if (tokenizer_json.starts_with("\xef\xbb\xbf")) tokenizer_json.remove_prefix(3);
  std::vector<std::pair<int64_t, std::string>> tokens;
  JsonReader reader(tokenizer_json, where);
  std::string_view key;
  for (reader.BeginObject(); reader.NextKey(key);) {
    const bool added = key == "added_tokens";
    const std::string_view text = reader.Raw();
    if (!added) continue;
    const JsonValue list = ParseJson(text, StrCat(where, ": added_tokens"));
    if (!list.IsArray()) continue;
    for (const JsonValue& item : list.Items()) {
      const JsonValue *id = item.Find("id"), *content = item.Find("content");
      if (id == nullptr || content == nullptr || !content->IsString()) continue;
      tokens.emplace_back(id->Int().value_or(-1), content->String());
    }
  }
  reader.End();
  return tokens;
}

}  // namespace hlm
