#include "core/text/tokenizer/special_tokens.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace hlm {
namespace {

constexpr std::string_view kRoles[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};
constexpr const char* kNoRole = "additional_special_tokens";

class Tokens {
 public:
  void Read(const JsonValue& file) {
    if (!file.IsObject()) return;
    for (const JsonValue::Member& member : file.Members()) {
      if (member.name == kNoRole || member.name == "extra_special_tokens") {  // transformers 5 writes the second
        ReadMore(member.value);
      } else if (member.name == "model_specific_special_tokens") {
        ReadNamed(member.value);
      } else if (member.name.ends_with("_token")) {
        Set(member.name, member.value);
      }
    }
  }

  std::vector<SpecialToken> Take() {
    std::vector<SpecialToken> all;
    for (const std::string_view role : kRoles) {
      const auto token = Find(role);
      if (token == roles_.end()) continue;
      all.push_back(std::move(*token));
      roles_.erase(token);
    }
    std::move(roles_.begin(), roles_.end(), std::back_inserter(all));
    std::move(more_.begin(), more_.end(), std::back_inserter(all));
    return all;
  }

 private:
  std::vector<SpecialToken>::iterator Find(std::string_view role) {
    return std::find_if(roles_.begin(), roles_.end(), [&](const SpecialToken& token) { return token.role == role; });
  }
  void Set(const std::string& role, const JsonValue& value) {
    const auto known = Find(role);
    const std::optional<std::string> content = TokenContent(value);
    if (content && known != roles_.end()) {
      known->content = *content;
    } else if (content) {
      roles_.push_back({role, *content});
    } else if (value.IsNull() && known != roles_.end()) {
      roles_.erase(known);
    }
  }
  void ReadNamed(const JsonValue& tokens) {
    if (!tokens.IsObject()) return;
    for (const JsonValue::Member& token : tokens.Members()) Set(token.name, token.value);
  }
  void ReadMore(const JsonValue& tokens) {
    ReadNamed(tokens);
    if (!tokens.IsArray() || !more_.empty()) return;
    for (const JsonValue& value : tokens.Items()) {
      if (const auto content = TokenContent(value)) more_.push_back({kNoRole, *content});
    }
  }

  std::vector<SpecialToken> roles_, more_;
};

}  // namespace

std::optional<std::string> TokenContent(const JsonValue& value) {
  if (value.IsString()) return value.String();
  const JsonValue* content = value.Find("content");
  if (content != nullptr && content->IsString()) return content->String();
  return std::nullopt;
}

std::vector<SpecialToken> ReadSpecialTokens(const JsonValue& config, const JsonValue& map) {
  Tokens tokens;
  tokens.Read(config);
  if (config.Find("added_tokens_decoder") == nullptr) tokens.Read(map);
  return tokens.Take();
}

}  // namespace hlm
