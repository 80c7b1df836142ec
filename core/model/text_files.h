// What a saved folder says of text: the tokenizer and the chat templates that a model was trained with, and the ids that end a
// generation.
#ifndef HORIZON_LM_CORE_MODEL_TEXT_FILES_H_
#define HORIZON_LM_CORE_MODEL_TEXT_FILES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/model.h"

namespace hlm {

struct TextFiles {
  std::string tokenizer = {};  // a folder, or a tokenizer's file, whose folder's files go with it; "": the source's
  std::map<std::string, std::string> templates = {};  // texts by name ("default", ...); empty: as they are
  std::vector<int32_t> stop_ids = {};                 // what ends trained turns
};

// The model with these in place of what its source folder has:
//   - the tokenizer's files for all of the source's;
//   - chat_template.jinja and additional_chat_templates/ for all of the source's templates; a chat_template member of
//     tokenizer_config.json says the same or goes;
//   - ids of stop_ids that do not end a generation yet are added to eos_token_id of generation_config.json and of config.json,
//     from which ids that the vocabulary does not have go.
// Errors of files that cannot be read or are no JSON.
std::shared_ptr<const Model> WithTextFiles(const Model& model, const TextFiles& text);

// The ids that end a generation: eos_token_id of generation_config.json where there is one, else of config.json. Empty where
// nothing says.
std::vector<int64_t> StopIds(const Model& model);

// generation_config.json is there and says no eos_token_id: transformers then stops nowhere, whatever config.json says.
bool StopIdsAreUnsaid(const Model& model);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_TEXT_FILES_H_
