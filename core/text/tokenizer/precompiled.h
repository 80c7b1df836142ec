// sentencepiece's compiled map of characters: a double-array trie from short byte strings to their replacements.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_PRECOMPILED_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_PRECOMPILED_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hlm {

class CharsMap {
 public:
  // u32 bytes of the trie, the trie's u32 units, then the replacements, each ended by a NUL; in base64. INVALID_ARGUMENT where it
  // is damaged.
  explicit CharsMap(std::string_view base64);
  // The replacement for the shortest beginning of `text` that the trie holds: so the reference does it, whatever follows.
  bool Find(std::string_view text, std::string_view& replacement) const;

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_PRECOMPILED_H_
