// The "model" of a tokenizer.json, read without a tree of its vocabulary.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_READ_MODEL_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_READ_MODEL_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/io/json_reader.h"
#include "core/text/tokenizer/model.h"

namespace hlm {

// A member's text and where it begins in the file.
struct RawMember {
  std::string_view text;
  size_t at = 0;
};
using RawMembers = std::map<std::string, RawMember>;

// Steps over an object and notes its members; of equal names the last counts.
RawMembers ReadMembers(JsonReader& reader);

// `byte_level`: the pre-tokenizers hand over bytes (pre_tokenizer.h). Throws UNIMPLEMENTED naming a type or option that is not
// known.
std::unique_ptr<const TokenModel> ReadModel(const RawMembers& members, bool byte_level, const std::string& where);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_READ_MODEL_H_
