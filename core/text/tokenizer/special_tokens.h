// The special tokens that a tokenizer's files give a role.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_SPECIAL_TOKENS_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_SPECIAL_TOKENS_H_

#include <optional>
#include <string>
#include <vector>

#include "core/io/json_value.h"
#include "core/text/tokenizer/tokenizer.h"

namespace hlm {

// A token as tokenizer_config.json has it: a string, or an object that holds one.
std::optional<std::string> TokenContent(const JsonValue& value);

// Of tokenizer_config.json and special_tokens_map.json (null where there is none), as transformers (5.24) takes them: the second stands
// above the first, and does not count beside a list of added tokens ("added_tokens_decoder"). A model's own roles ("image_token") follow
// those that all tokenizers have; tokens without one are "additional_special_tokens".
std::vector<SpecialToken> ReadSpecialTokens(const JsonValue& config, const JsonValue& map);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_SPECIAL_TOKENS_H_
