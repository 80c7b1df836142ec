// A tokenizer.json from older files: what transformers 5.24 and the tokenizers library make of them, so that ids are the same.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_CONVERT_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_CONVERT_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer/folder_settings.h"
#include "core/text/tokenizer/sentencepiece_file.h"
#include "core/text/tokenizer/tokenizer.h"

namespace hlm {

struct ConvertedTokenizer {
  std::string json;                   // the text of a tokenizer.json
  std::vector<SpecialToken> special;  // by role
};

// Of SentencePiece's model: Llama and Gemma kinds by the class that the folder names, every other by what the file says. UNIMPLEMENTED
// naming a class that numbers the pieces in its own way.
ConvertedTokenizer ConvertSentencePiece(const SentencePieceFile& file, const FolderSettings& settings);

// Of vocab.json and merges.txt, byte-level BPE: GPT-2, GPT-NeoX and Qwen2 kinds. `vocab_where` and `merges_where` begin the messages
// about the texts. UNIMPLEMENTED naming a class that is none of them.
ConvertedTokenizer ConvertByteLevel(std::string_view vocab, const std::string& vocab_where, std::string_view merges,
                                    const std::string& merges_where, const FolderSettings& settings);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_CONVERT_H_
