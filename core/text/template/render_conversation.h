// Renders the beginnings of one conversation.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_RENDER_CONVERSATION_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_RENDER_CONVERSATION_H_

#include <string>

#include "core/text/template/conversation.h"

namespace hlm {

class ConversationRenderer {
 public:
  // All three outlive it.
  ConversationRenderer(const ChatTemplate& chat, const Conversation& conversation, const RenderOptions& options);

  size_t messages() const { return conversation_.messages.sequence().items.size(); }
  const jinja::Template& used() const { return template_; }
  // The first n messages.
  jinja::Output Render(size_t n, bool add_generation_prompt);

 private:
  const Conversation& conversation_;
  const jinja::Template& template_;
  jinja::RenderSettings settings_;
  jinja::Dict variables_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_RENDER_CONVERSATION_H_
