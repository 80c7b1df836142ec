// Which files of a folder are its tokenizer.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_TOKENIZER_FOLDER_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_TOKENIZER_FOLDER_H_

#include <string>

#include "core/text/tokenizer/convert.h"

namespace hlm {

struct TokenizerFiles {
  enum class Kind {
    kJson,           // tokenizer.json
    kSentencePiece,  // tokenizer.model
    kByteLevel,      // vocab.json and merges.txt
  };
  Kind kind = Kind::kJson;
  std::string file;    // the first of them
  std::string folder;  // where the files beside it lie
};

// Of a folder, or of a file by its path. tokenizer.json counts before tokenizer.model, and that before vocab.json and merges.txt.
// NOT_FOUND saying what there is instead, and how to make a tokenizer.json of it.
TokenizerFiles FindTokenizer(const std::string& folder_or_file);

// Whether FindTokenizer would find any in this folder.
bool HasTokenizer(const std::string& folder);

// The tokenizer.json that the files stand for; their kind is not kJson.
ConvertedTokenizer ConvertFiles(const TokenizerFiles& files);

// "; transformers makes a tokenizer.json of it: <command>"
std::string HowToConvert(const std::string& folder);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_TOKENIZER_FOLDER_H_
