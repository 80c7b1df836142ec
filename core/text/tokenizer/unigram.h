// The unigram model (Kudo 2018): the pieces whose scores sum to the most, found by Viterbi.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_UNIGRAM_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_UNIGRAM_H_

#include <string>
#include <vector>

#include "core/text/tokenizer/byte_trie.h"
#include "core/text/tokenizer/model.h"

namespace hlm {

struct UnigramPiece {
  std::string text;
  double score;
};

class Unigram final : public TokenModel {
 public:
  // Ids are places in `pieces`; `unknown` is one of them or -1. Of pieces with the same text the last counts.
  Unigram(std::vector<UnigramPiece> pieces, int32_t unknown, bool byte_fallback);

  const char* type() const override { return "Unigram"; }
  void Encode(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
              std::vector<uint32_t>* ends) const override;

 private:
  void FindPath(std::string_view piece, ModelScratch& scratch) const;

  std::vector<double> scores_;
  double unknown_score_;  // ten below the lowest
  ByteTrie trie_;
  int32_t unknown_;
  std::vector<int32_t> fallback_ids_;  // of <0x00> to <0xFF>; empty without byte_fallback
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_UNIGRAM_H_
