// Models of whole words: WordLevel, and WordPiece (the longest known beginning, again and again; Schuster and Nakajima 2012).
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_WORD_MODELS_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_WORD_MODELS_H_

#include <cstdint>
#include <string>

#include "core/text/tokenizer/model.h"

namespace hlm {

class WordPiece final : public TokenModel {
 public:
  // Words of more than `longest` characters, and those that are not made of known parts, are one `unknown`.
  WordPiece(Vocabulary vocabulary, std::string unknown, std::string prefix, int64_t longest, bool byte_level);
  const char* type() const override { return "WordPiece"; }
  void Encode(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
              std::vector<uint32_t>* ends) const override;

 private:
  std::string unknown_, prefix_;
  int64_t longest_;
  size_t longest_token_ = 0;  // bytes
  bool byte_level_;
};

class WordLevel final : public TokenModel {
 public:
  WordLevel(Vocabulary vocabulary, std::string unknown, bool byte_level);
  const char* type() const override { return "WordLevel"; }
  void Encode(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
              std::vector<uint32_t>* ends) const override;

 private:
  std::string unknown_;
  bool byte_level_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_WORD_MODELS_H_
