// Texts as ids, by the model folder's tokenizer.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_TOKENIZER_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/data/dataset.h"
#include "samples/horizon/options/options.h"

namespace horizon {

// The tokenizer of --model; empty where there is none, where the model is from a config or preset, or with --bytes.
Tokenizer TokenizerOf(const ModelOptions& options);

// Where TokenizerOf looked for one and there was none: what the folder has instead, and what to do. Else empty.
std::string WhyNoTokenizer(const ModelOptions& options);

// Where there is no tokenizer and the bytes of a text would be its ids: throws for a model of a folder that has more ids than there are
// bytes, unless --bytes asks for it. Such a model has learned what its ids stand for, and bytes would be none of it.
void CheckBytes(const ModelOptions& options, int64_t vocab_size);

// `offsets`: begin and end of each id in the text's bytes, by turns; NULL: not wanted.
std::vector<int32_t> Encode(const Tokenizer& tokenizer, std::string_view text, bool special_tokens,
                            std::vector<int64_t>* offsets = nullptr);

// A whole text with the special tokens around it. One that was rendered already begins with what the tokenizer puts before every text
// (BOS): as in a data set of examples it is there once.
std::vector<int32_t> EncodeWhole(const Tokenizer& tokenizer, std::string_view text, std::vector<int64_t>* offsets = nullptr);

// "1, 2 3" as ids; commas and brackets are spaces. Throws naming the option and the word that is no id.
std::vector<int32_t> WrittenIds(const std::string& text, const std::string& option);

// For Dataset: a .txt file's ids by the tokenizer of --model, special tokens as it says; nothing where its bytes are the ids. It throws as
// CheckBytes does, when there is a text to read.
TextReader ReaderOf(const ModelOptions& options, int64_t vocab_size);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_TOKENIZER_H_
