// The added tokens of a tokenizer.json, read past everything else in it.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_ADDED_TOKENS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_ADDED_TOKENS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hlm {

// (id, text) of each. Throws INVALID_ARGUMENT naming `where` for text that is not JSON.
std::vector<std::pair<int64_t, std::string>> ReadAddedTokens(std::string_view tokenizer_json, const std::string& where);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_ADDED_TOKENS_H_
