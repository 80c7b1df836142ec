// Texts as ids, by the model folder's tokenizer.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_TOKENIZER_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_TOKENIZER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/data/dataset.h"
#include "samples/horizon/options/options.h"

namespace horizon {

using hlm::Tokenizer;

// The tokenizer of --model; none where there is none, where the model is from a config or preset, or with --bytes.
std::optional<Tokenizer> TokenizerOf(const ModelOptions& options);

// `offsets`: begin and end of each id in the text's bytes, by turns; NULL: not wanted.
std::vector<int32_t> Encode(const Tokenizer& tokenizer, std::string_view text, bool special_tokens,
                            std::vector<int64_t>* offsets = nullptr);

// For Dataset: a .txt file's ids by the tokenizer of --model, special tokens as it says; nothing where its bytes are the ids.
TextReader ReaderOf(const ModelOptions& options);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_TOKENIZER_H_
