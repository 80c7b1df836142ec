// The model of a tokenizer.json: from a piece of text to ids.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_MODEL_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_MODEL_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer/pieces.h"
#include "core/text/tokenizer/vocabulary.h"
#include "core/text/tokenizer/word_cache.h"

namespace hlm {

// What encoding writes to; one thread at a time.
struct ModelScratch {
  struct Symbol {
    int32_t id;
    uint32_t length;  // bytes of the piece; 0: merged into the one before
    uint32_t previous, next;
  };
  struct PathNode {
    double score;
    uint32_t begin;
    int32_t id;  // -2: nothing ends here
  };
  // Two characters side by side, as the bytes of each.
  struct Border {
    enum : uint32_t { kCut = ~uint32_t{1}, kParts = ~uint32_t{2} };
    uint64_t chars = ~uint64_t{0};
    uint32_t rank = 0;  // of merging them as wholes (Merges::Rank); kCut: nothing is merged across; kParts: parts of them may be
    int32_t right_id = -1;  // of the right one as a whole; -1: merging begins with its bytes
  };
  WordCache cache;
  std::vector<Border> borders;  // the last one seen of each hash: 256 KiB, beside the cache's 3 MiB
  std::vector<Symbol> symbols;
  std::vector<uint64_t> heap;
  std::vector<PathNode> path;
  std::vector<int32_t> ids;
  std::vector<uint32_t> ends;
  std::string text;
  enum Arrived : uint8_t { kNotTried, kArrives, kDoesNot };
  std::vector<uint8_t> arrived;  // by id: whether merging a token's own bytes gives the token
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;

  virtual const char* type() const = 0;
  const Vocabulary& vocabulary() const { return vocabulary_; }

  // Appends the ids of `piece` (not empty), and with `ends` the byte of the piece where each of them ends: ids that share a
  // character end together. `readable` bytes may be read from piece.data() on. Throws INVALID_ARGUMENT for a character that is
  // not in the vocabulary where the model has nothing to put in its place.
  virtual void Encode(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
                      std::vector<uint32_t>* ends) const = 0;
  // Appends the ids of all pieces of `text`, one piece behind the other.
  virtual void EncodePieces(std::string_view text, std::span<const Piece> pieces, ModelScratch& scratch,
                            std::vector<int32_t>& ids) const {
    for (const Piece piece : pieces) {
      Encode(text.substr(piece.begin, piece.end - piece.begin), text.size() - piece.begin, scratch, ids, nullptr);
    }
  }

 protected:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

 private:
  Vocabulary vocabulary_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_MODEL_H_
