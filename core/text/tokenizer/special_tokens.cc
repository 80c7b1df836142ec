#include "core/text/tokenizer/special_tokens.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace hlm {
namespace {

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

  void SetDefault(const std::string& role, const std::string& content) {
    if (Find(role) == roles_.end()) roles_.push_back({role, content});
  }

  std::vector<SpecialToken> Take() {
    std::vector<SpecialToken> all;
    const auto take = [&](const Role& role) {
      if (role.content) all.push_back({role.name, *role.content});
    };
    for (const std::string_view name : kTokenRoles) {
      const auto role = Find(name);
      if (role == roles_.end()) continue;
      take(*role);
      roles_.erase(role);
    }
    for (const Role& role : roles_) take(role);
    std::move(more_.begin(), more_.end(), std::back_inserter(all));
    return all;
  }

 private:
  struct Role {
    std::string name;
    std::optional<std::string> content;  // nothing: null, which keeps the default out
  };

  std::vector<Role>::iterator Find(std::string_view name) {
    return std::find_if(roles_.begin(), roles_.end(), [&](const Role& role) { return role.name == name; });
  }
  void Set(const std::string& name, const JsonValue& value) {
    const std::optional<std::string> content = TokenContent(value);
    if (!content && !value.IsNull()) return;
    const auto role = Find(name);
    if (role == roles_.end()) {
      roles_.push_back({name, content});
    } else {
      role->content = content;
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

  std::vector<Role> roles_;
  std::vector<SpecialToken> more_;
};

}  // namespace

std::optional<std::string> TokenContent(const JsonValue& value) {
  if (value.IsString()) return value.String();
  const JsonValue* content = value.Find("content");
  if (content != nullptr && content->IsString()) return content->String();
  return std::nullopt;
}

std::vector<SpecialToken> ReadSpecialTokens(const FolderSettings& settings,
                                            const std::function<bool(const std::string&)>& known) {
  Tokens tokens;
  tokens.Read(settings.tokenizer_config);
  if (settings.tokenizer_config.Find("added_tokens_decoder") == nullptr) tokens.Read(settings.special_tokens_map);
  for (const auto& [role, content] : ByteLevelDefaults(TokenizerClassOf(settings, true))) {
    if (known(content)) tokens.SetDefault(role, content);
  }
  return tokens.Take();
}

}  // namespace hlm
