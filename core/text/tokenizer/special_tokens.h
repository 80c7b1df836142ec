// The special tokens that a tokenizer's files give a role.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_SPECIAL_TOKENS_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_SPECIAL_TOKENS_H_

#include <functional>
#include <string>
#include <vector>

#include "core/text/tokenizer/folder_settings.h"
#include "core/text/tokenizer/tokenizer.h"

namespace hlm {

// Of a folder with a tokenizer.json, as transformers (5.24) takes them: special_tokens_map.json stands above tokenizer_config.json, and does
// not count beside a list of added tokens ("added_tokens_decoder"); roles that neither mentions have the class's token, where it is
// `known` to the tokenizer. A model's own roles ("image_token") follow those that all tokenizers have; tokens without one are
// "additional_special_tokens".
std::vector<SpecialToken> ReadSpecialTokens(const FolderSettings& settings, const std::function<bool(const std::string&)>& known);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_SPECIAL_TOKENS_H_
