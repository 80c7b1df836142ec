// What of a record no format reads: counted where it has words in it, refused where the conversation would lack it.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_UNUSED_MEMBERS_H_
#define HORIZON_LM_CORE_TEXT_DATASET_UNUSED_MEMBERS_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/text/dataset/example.h"

namespace hlm::dataset {

// Adds a note to `example` for each member of the record that has words in it and is not among `used`. Unless `options` or `spec`
// say that what is not named is left out on purpose: UNIMPLEMENTED for pictures, sound and films; INVALID_ARGUMENT for what looks
// like a part of the conversation by its name or its form, and is not a repetition of what the example has already.
void AccountForUnused(const JsonValue& record, const std::vector<std::string_view>& used, const FormatSpec& spec,
                      const ReadOptions& options, const std::string& where, Example& example);

// The text, without white space at its ends, is in the example's prompt.
bool IsInPrompt(std::string_view text, const Example& example);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_UNUSED_MEMBERS_H_
