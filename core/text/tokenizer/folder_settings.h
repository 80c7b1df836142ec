// What the files beside a vocabulary say about it: the class that transformers would make, and the tokens it would add to it.
// A tokenizer.json holds all this itself; for older files it is put together here as transformers 5.24 does it
// (tokenization_utils_tokenizers.py), so that ids are the same. docs/decisions/0033-other-tokenizer-files.md
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_FOLDER_SETTINGS_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_FOLDER_SETTINGS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/io/json_value.h"
#include "core/io/json_writer.h"
#include "core/text/tokenizer/token_roles.h"
#include "core/text/tokenizer/tokenizer.h"

namespace hlm {

// The files' JSON; null where there is no such file.
struct FolderSettings {
  JsonValue tokenizer_config, special_tokens_map, added_tokens, config;
  std::string where;  // the folder, for messages

  static FolderSettings Read(const std::string& folder);
  // Without added_tokens.json, which a tokenizer.json makes of no account.
  static FolderSettings ReadBesideJson(const std::string& folder);

  // A boolean of tokenizer_config.json; null counts as false, as Python has it.
  bool Flag(const char* name, bool missing) const;
};

// Which class of transformers reads the folder, without a "Fast" at its end; "TokenizersBackend" is the one that knows no model.
// `registered_first`: where config.json's model type has the general class, that one counts whatever tokenizer_config.json names.
std::string TokenizerClassOf(const FolderSettings& settings, bool registered_first);

// Role and content of the tokens that a class of byte-level BPE has where the files do not mention the role; none of another class.
std::vector<std::pair<std::string, std::string>> ByteLevelDefaults(const std::string& class_name);

// What a class brings along.
struct ClassTokens {
  std::vector<std::pair<std::string, std::string>> defaults;  // role and content, for roles that the files do not mention
  bool own_extra = false;                                     // `extra` counts, whatever special_tokens_map.json lists
  std::vector<NamedToken> extra;                              // unless tokenizer_config.json has a list of its own
  bool raw = false;                                           // added_tokens_decoder's are looked for in the raw text
  bool plain_specials = false;                                // every special token ends up without rules of its own
  bool add_bos = false;                                       // unless add_bos_token says otherwise
};

struct AddedVocabulary {
  struct Token {
    int32_t id;
    NamedToken token;
  };
  std::vector<Token> tokens;                                   // in the order they were added
  std::vector<SpecialToken> special;                           // by role
  std::vector<std::pair<std::string, int32_t>> before, after;  // the tokens around a text

  // "added_tokens" and "post_processor" of a tokenizer.json.
  void Write(JsonWriter& json) const;
};

// `find`: the id of a token of the vocabulary, or -1; `size`: tokens in it. INVALID_ARGUMENT where the files give an added token
// another id than it would get behind the vocabulary.
AddedVocabulary AddTokens(const FolderSettings& settings, const ClassTokens& known,
                          const std::function<int32_t(std::string_view)>& find, size_t size);

// added_tokens_decoder of tokenizer_config.json, or added_tokens.json: by rising id.
std::vector<std::pair<int64_t, NamedToken>> DecoderTokens(const FolderSettings& settings);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_FOLDER_SETTINGS_H_
