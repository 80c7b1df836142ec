#include "core/text/tokenizer/token_roles.h"

#include <algorithm>

namespace hlm {
namespace {

// In transformers' order.
constexpr std::string_view kCommon[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};

}  // namespace

std::optional<NamedToken> ReadToken(const JsonValue& json, bool special) {
  NamedToken token;
  if (json.IsString()) {
    token.content = json.String();
    return token;
  }
  const JsonValue* content = json.Find("content");
  if (content == nullptr || !content->IsString()) return std::nullopt;
  const auto flag = [&](const char* name, bool missing) {
    const JsonValue* value = json.Find(name);
    return value != nullptr && value->IsBool() ? value->Bool() : missing;
  };
  token.content = content->String();
  token.plain = false;
  token.single_word = flag("single_word", false);
  token.lstrip = flag("lstrip", false);
  token.rstrip = flag("rstrip", false);
  token.special = flag("special", special);
  token.normalized = flag("normalized", !token.special);
  return token;
}

bool IsCommonRole(std::string_view name) { return std::find(std::begin(kCommon), std::end(kCommon), name) != std::end(kCommon); }

TokenRoles::Role* TokenRoles::Find(std::string_view name) {
  const auto found = std::find_if(roles_.begin(), roles_.end(), [&](const Role& role) { return role.name == name; });
  return found == roles_.end() ? nullptr : &*found;
}

void TokenRoles::Set(std::string_view name, std::optional<NamedToken> token) {
  if (Role* role = Find(name)) {
    role->token = std::move(token);
  } else {
    roles_.push_back({std::string(name), std::move(token)});
  }
}

void TokenRoles::SetDefault(std::string_view name, std::string content) {
  if (Find(name) == nullptr) Set(name, NamedToken{.content = std::move(content)});
}

std::optional<NamedToken> TokenRoles::Token(std::string_view name) const {
  for (const Role& role : roles_) {
    if (role.name == name) return role.token;
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, NamedToken>> TokenRoles::InOrder() const {
  std::vector<std::pair<std::string, NamedToken>> all;
  for (const std::string_view name : kCommon) {
    if (auto token = Token(name)) all.emplace_back(name, std::move(*token));
  }
  for (const Role& role : roles_) {
    if (role.token && !IsCommonRole(role.name)) all.emplace_back(role.name, *role.token);
  }
  return all;
}

}  // namespace hlm
