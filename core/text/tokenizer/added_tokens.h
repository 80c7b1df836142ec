// Tokens that are found in the text before the model sees it: special ones and others that were added to a vocabulary.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_ADDED_TOKENS_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_ADDED_TOKENS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/text/tokenizer/byte_trie.h"
#include "core/text/tokenizer/normalizer.h"
#include "core/text/tokenizer/tokenizer.h"
#include "core/text/tokenizer/vocabulary.h"

namespace hlm {

struct AddedToken {
  std::string content;
  std::string shown;  // what decoding makes of it: the content, normalized where `normalized` is set
  int32_t id = 0;
  bool single_word = false;  // not where a letter or digit touches it
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and behind it
  bool normalized = false;   // is looked for in the normalized text
  bool special = false;      // is left out when decoding
};

// The tokens that are looked for in one pass.
class AddedTokenFinder {
 public:
  AddedTokenFinder() = default;
  // `contents[i]` is what is looked for for tokens[i]: normalized, in the second pass. Empty ones are never found.
  AddedTokenFinder(std::vector<AddedToken> tokens, const std::vector<std::string>& contents);

  bool empty() const { return trie_.empty(); }

  struct Rules {
    // Nothing is matched that touches one of these; sorted.
    std::span<const ByteSpan> plain = {};
    bool plain_added = false;  // there, tokens that are not special are not matched either
  };
  // Calls found(begin, end, token) for each match, token null for what lies between; from left to right, all of `text`. Matches
  // are leftmost, then longest; one that single_word rejects hides shorter ones, as in Hugging Face.
  template <class Found>
  void ForEach(std::string_view text, const Rules& rules, const Found& found) const;

 private:
  struct Match {
    size_t begin = 0, end = 0;
    const AddedToken* token = nullptr;
    size_t next = 0;  // where to look on
  };
  // The next match at or behind `from`, with white space taken in no further back than `done`.
  bool Next(std::string_view text, const Rules& rules, size_t from, size_t done, Match& match) const;

  std::vector<AddedToken> tokens_;
  ByteTrie trie_;
};

template <class Found>
void AddedTokenFinder::ForEach(std::string_view text, const Rules& rules, const Found& found) const {
  size_t done = 0;
  Match match;
  while (!empty() && Next(text, rules, match.next, done, match)) {
    if (done < match.begin) found(done, match.begin, static_cast<const AddedToken*>(nullptr));
    found(match.begin, match.end, match.token);
    done = match.end;
  }
  if (done < text.size()) found(done, text.size(), static_cast<const AddedToken*>(nullptr));
}

// All added tokens of a file.
struct AddedTokens {
  std::vector<AddedToken> all;
  AddedTokenFinder raw, normalized;
  std::unordered_map<int32_t, size_t> by_id;  // index in `all`
  std::unordered_map<std::string, int32_t> ids;
  std::unordered_map<std::string, bool> special;  // the texts that count as special when decoding
};

// `added_tokens` of the file. Ids are given as Hugging Face gives them when it reads the file: those of tokens that the
// vocabulary has are the vocabulary's, the others come behind it in the order of the file, which says the same unless it was made
// by hand. Of tokens with the same content the last one's settings count. `normalizer` may be null.
AddedTokens ReadAddedTokens(const JsonValue& json, const std::string& where, const Vocabulary& vocabulary,
                            const Normalizer* normalizer);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_ADDED_TOKENS_H_
