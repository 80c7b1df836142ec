// Examples as token ids, with the tokens that are trained.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_TOKENIZE_H_
#define HORIZON_LM_CORE_TEXT_DATASET_TOKENIZE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/text/dataset/example.h"
#include "core/text/dataset/pipeline.h"

namespace hlm::dataset {

struct TokenDocument {
  std::vector<int32_t> ids;
  std::vector<uint8_t> trained;  // one a token
  bool desirable = true;         // Task::kUnpaired: the label
};

// The documents of one example: of a pair two, chosen and rejected; of a conversation one, or several where its template can only
// be trained turn by turn; else one. INVALID_ARGUMENT beginning with `where` for an example that the task cannot use;
// FAILED_PRECONDITION where a tokenizer or a template is needed and is not there. What encode and render throw is passed on with
// `where` before it.
// `notes`: what was done to the record is added here, where it is given.
std::vector<TokenDocument> TokenizeExample(const Example& example, Task task, TrainOn train_on, const TextPipeline& pipeline,
                                           const std::string& where, Notes* notes = nullptr);

// One byte a token: 1 where its bytes and those of a span have one in common. Spans rise and are apart.
std::vector<uint8_t> TokensIn(const std::vector<TextSpan>& offsets, const std::vector<TextSpan>& spans);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_TOKENIZE_H_
