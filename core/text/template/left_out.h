// What a conversation says beside the answers that are trained, and the template does not print: a system message, tools, members of
// messages that it does not read. Such words are lost to the model without anything being wrong with the mask.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_LEFT_OUT_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_LEFT_OUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/text/template/text.h"

namespace hlm {

struct Conversation;

enum class LeftOutOf { kMessages, kMember, kTools };

struct LeftOut {
  LeftOutOf of;
  std::string name;        // kMessages: their role; kMember: its name; kTools: empty
  int64_t characters = 0;  // without white space
};

// In the order in which the conversation says it, one for each name: of messages that are not trained what is not in the text; of
// every message the members beside content, reasoning and tool calls of which nothing is; tools where nothing of them is. Of many
// names the first are told, and the rest together without one.
std::vector<LeftOut> FindLeftOut(const Conversation& conversation, const std::vector<bool>& trained, const jinja::Text& text);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_LEFT_OUT_H_
