// Tokens as the files beside a vocabulary write them, and the roles that they give them.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_TOKEN_ROLES_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_TOKEN_ROLES_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/io/json_value.h"

namespace hlm {

// A token as transformers gets it: with its own rules, or only as a text.
struct NamedToken {
  std::string content;
  bool plain = true;  // only a text; it becomes a special token that is looked for in the raw text
  bool single_word = false, lstrip = false, rstrip = false, normalized = true, special = false;
  bool operator==(const NamedToken&) const = default;
};

// A string, or an object that holds one with its rules; nothing for what is neither. `special`: what it counts as where it does not
// say.
std::optional<NamedToken> ReadToken(const JsonValue& json, bool special = false);

// One of the roles that all tokenizers have (bos_token, ..., mask_token).
bool IsCommonRole(std::string_view name);

// What several files together say, the last of them to name a role.
class TokenRoles {
 public:
  // Nothing: null, which keeps the default out.
  void Set(std::string_view role, std::optional<NamedToken> token);
  // Where no file has named the role.
  void SetDefault(std::string_view role, std::string content);

  std::optional<NamedToken> Token(std::string_view role) const;
  // Each role that has a token: those that all tokenizers have, in transformers' order, and behind them a model's own ("image_token").
  std::vector<std::pair<std::string, NamedToken>> InOrder() const;

 private:
  struct Role {
    std::string name;
    std::optional<NamedToken> token;
  };
  Role* Find(std::string_view name);

  std::vector<Role> roles_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_TOKEN_ROLES_H_
