// One message of a conversation, as transformers takes it before a template sees it.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_MESSAGE_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_MESSAGE_H_

#include <cstddef>
#include <string_view>

#include "core/text/template/value.h"

namespace hlm {

// Which part of a message a member is.
jinja::Field FieldOf(std::string_view member);

bool HasRole(const jinja::Dict& message, std::string_view role);

// The message without members that are null (APIs and Arrow write them for what is not there), and with its reasoning, which has
// three names (reasoning_content, thinking, reasoning; the first of these that is there counts), under the two that templates
// read.
jinja::Dict NormalMessage(const jinja::Dict& message);

// The record takes this message out of training: one of kWeightMembers (core/text/weight_members.h) is 0 or false.
// INVALID_ARGUMENT naming message `index` for another value than 0, 1, false, true and null.
bool IsExcluded(const jinja::Dict& message, size_t index);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_MESSAGE_H_
