// SentencePiece's model file (tokenizer.model), a message of Protocol Buffers: what of it decides ids.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_SENTENCEPIECE_FILE_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_SENTENCEPIECE_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hlm {

struct SentencePieceFile {
  enum PieceType : int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  enum ModelType : int64_t { kUnigram = 1, kBpe = 2 };
  struct Piece {
    std::string text;
    float score = 0;
    int64_t type = kNormal;
  };

  std::vector<Piece> pieces;  // by id
  // The trainer's part.
  int64_t model_type = kUnigram;
  bool byte_fallback = false;
  int64_t unk_id = 0, bos_id = 1, eos_id = 2;
  std::string unk_piece = "<unk>", bos_piece = "<s>", eos_piece = "</s>";
  // The normalizer's part.
  std::string charsmap;  // precompiled; empty: none
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
};

// Whether these bytes may be such a file: what else is called tokenizer.model (tiktoken's ranks) begins otherwise.
bool LooksLikeSentencePiece(std::string_view bytes);

// INVALID_ARGUMENT naming the byte or the piece where it is damaged; UNIMPLEMENTED for the model types WORD and CHAR, and for white
// space at the end of words.
SentencePieceFile ReadSentencePieceFile(std::string_view bytes, const std::string& where);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_SENTENCEPIECE_FILE_H_
