#include "core/text/template/added_tokens.h"

#include "core/io/json_reader.h"
#include "core/io/json_text.h"

namespace hlm {

std::vector<std::pair<int64_t, std::string>> ReadAddedTokens(std::string_view tokenizer_json, const std::string& where) {
  if (tokenizer_json.starts_with("\xef\xbb\xbf")) tokenizer_json.remove_prefix(3);
  std::vector<std::pair<int64_t, std::string>> tokens;
  JsonReader reader(tokenizer_json, where);
  std::string_view key;
  for (reader.BeginObject(); reader.NextKey(key);) {
    const bool wanted = key == "added_tokens";
    const std::string_view value = reader.Raw();
    if (!wanted) continue;  // the vocabulary and the merges pass by
    const JsonValue list = ParseJson(value, where + ": added_tokens");
    if (!list.IsArray()) continue;
    for (const JsonValue& token : list.Items()) {
      const JsonValue *id = token.Find("id"), *content = token.Find("content");
      const bool number = id != nullptr && id->Int();
      tokens.emplace_back(number ? *id->Int() : -1, content != nullptr && content->IsString() ? content->String() : "");
    }
  }
  reader.End();
  return tokens;
}

}  // namespace hlm
