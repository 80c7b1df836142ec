#include "core/text/tokenizer/special_tokens.h"

#include <algorithm>
#include <iterator>
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
        Set(member);
      }
    }
  }

  void SetDefault(const std::string& role, const std::string& content) { roles_.SetDefault(role, content); }

  std::vector<SpecialToken> Take() {
    std::vector<SpecialToken> all;
    for (const auto& [role, token] : roles_.InOrder()) all.push_back({role, token.content});
    std::move(more_.begin(), more_.end(), std::back_inserter(all));
    return all;
  }

 private:
  void Set(const JsonValue::Member& member) {
    const std::optional<NamedToken> token = ReadToken(member.value);
    if (token || member.value.IsNull()) roles_.Set(member.name, token);
  }
  void ReadNamed(const JsonValue& tokens) {
    if (!tokens.IsObject()) return;
    for (const JsonValue::Member& token : tokens.Members()) Set(token);
  }
  void ReadMore(const JsonValue& tokens) {
    ReadNamed(tokens);
    if (!tokens.IsArray() || !more_.empty()) return;
    for (const JsonValue& value : tokens.Items()) {
      if (const auto token = ReadToken(value)) more_.push_back({kNoRole, token->content});
    }
  }

  TokenRoles roles_;
  std::vector<SpecialToken> more_;
};

}  // namespace

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
