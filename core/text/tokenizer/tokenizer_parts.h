// What a tokenizer is made of.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_TOKENIZER_PARTS_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_TOKENIZER_PARTS_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer/added_tokens.h"
#include "core/text/tokenizer/decoder.h"
#include "core/text/tokenizer/folder_settings.h"
#include "core/text/tokenizer/model.h"
#include "core/text/tokenizer/normalizer.h"
#include "core/text/tokenizer/pieces.h"
#include "core/text/tokenizer/post_processor.h"
#include "core/text/tokenizer/pre_tokenizer.h"
#include "core/text/tokenizer/regex.h"
#include "core/text/tokenizer/tokenizer.h"

namespace hlm {

// The memory of one call of Encode; kept between calls, for the words that it knows by then.
struct EncodeScratch {
  RegexScratch regex;
  ModelScratch model;
  Pieces pieces;
  AlignedText text, spare;
  std::vector<uint32_t> ends;
};

// Scratches that no call uses right now. As many are made as calls ran at once.
class ScratchPool {
 public:
  std::unique_ptr<EncodeScratch> Take();
  void Give(std::unique_ptr<EncodeScratch> scratch) noexcept;

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<EncodeScratch>> free_;
};

struct Tokenizer::Parts {
  std::unique_ptr<const Normalizer> normalizer;  // may be null
  PreTokenizers pre_tokenizers;
  std::unique_ptr<const TokenModel> model;
  PostProcessor post_processor;
  Decoder decoder;
  AddedTokens added;
  std::vector<SpecialToken> special_tokens;
  bool bos_rule = false;  // the post-processor is tokenizer_config.json's, not the file's
  std::string generation_json, folder;
  uint64_t content_hash = 0;
  mutable ScratchPool pool;
};

// Reads the text of a tokenizer.json. `where` begins the messages.
std::unique_ptr<Tokenizer::Parts> ReadTokenizerFile(std::string_view text, const std::string& where);

// Special tokens by role and the BOS rule, from the files beside a tokenizer.json.
void ApplyTokenizerConfig(const FolderSettings& settings, const std::string& config_where, Tokenizer::Parts& parts);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_TOKENIZER_PARTS_H_
