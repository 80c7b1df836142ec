// A message's content that is a list of parts: texts, and in an answer thoughts before them.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_CONTENT_PARTS_H_
#define HORIZON_LM_CORE_TEXT_DATASET_CONTENT_PARTS_H_

#include <string>
#include <string_view>

#include "core/io/json_value.h"

namespace hlm::dataset {

struct ContentParts {
  std::string text;       // of the parts that are texts, joined
  std::string reasoning;  // of the parts that are thoughts, joined
};

// Without the white space around it.
std::string_view Trimmed(std::string_view text);

// It has no character that is not white space.
bool IsBlank(std::string_view text);

// A part is a string, {"type": "text", "text"}, or in an answer {"type": "thinking", "thinking"} or {"type": "reasoning",
// "reasoning" or "text"}, whose words may be a list of texts themselves. Errors beginning with `where`: UNIMPLEMENTED for other
// types, there is nothing here that sees or hears; INVALID_ARGUMENT for a part without its words, and, where they are to be joined,
// for thoughts behind an answer's text, which a message with its reasoning and then its content cannot say.
ContentParts ReadParts(const JsonValue& parts, bool answer, bool join, const std::string& where);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_CONTENT_PARTS_H_
