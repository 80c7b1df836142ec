#include "core/text/template/conversation.h"

#include <time.h>

#include <cstdio>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/template/json.h"
#include "core/text/template/message.h"
#include "core/text/template/render_conversation.h"

namespace hlm {

using jinja::Dict;
using jinja::Origin;
using jinja::Source;
using jinja::Value;

namespace {

Value FromMessage(const Dict& message, uint32_t index, const ArgumentRules& rules, WordList& words, ArgumentRepairs& repairs) {
  Dict own;
  own.message = index;
  const Dict normal = NormalMessage(message);
  for (const auto& [key, value] : normal.entries()) {
    const std::string_view member = key.IsText() ? key.text().bytes() : "";
    const bool calls = FieldOf(member) == jinja::Field::kToolCalls;
    own.Set(key, words.Place(calls ? RepairCalls(value, rules, index, repairs) : value, member, index));
  }
  return jinja::MakeDict(std::move(own));
}

std::tm TimeOf(const std::string& date) {
  std::tm time{};
  if (date.empty()) {
    const std::time_t now = std::time(nullptr);
    localtime_r(&now, &time);
    return time;
  }
  int used = 0;
  const int day = std::sscanf(date.c_str(), "%4d-%2d-%2d%n", &time.tm_year, &time.tm_mon, &time.tm_mday, &used);
  bool legal = day == 3;
  if (legal && static_cast<size_t>(used) != date.size()) {
    int more = 0;
    legal = std::sscanf(date.c_str() + used, "%*1[ T]%2d:%2d:%2d%n", &time.tm_hour, &time.tm_min, &time.tm_sec, &more) == 3 &&
            static_cast<size_t>(used) + static_cast<size_t>(more) == date.size();
  }
  const std::tm given = time;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  time.tm_isdst = 0;
  const std::time_t seconds = timegm(&time);  // fills in the day of the week and of the year
  const bool same = time.tm_year + 1900 == given.tm_year && time.tm_mon + 1 == given.tm_mon && time.tm_mday == given.tm_mday &&
                    time.tm_hour == given.tm_hour && time.tm_min == given.tm_min && time.tm_sec == given.tm_sec;
  if (!legal || !same || (seconds == -1 && given.tm_year != 1969)) {
    throw InvalidArgument("the date '", Printable(date, 40), "' is not YYYY-MM-DD or YYYY-MM-DD HH:MM:SS");
  }
  return time;
}

}  // namespace

Conversation MakeConversation(const Value& messages, const Value& tools, const Value& documents, const ArgumentRules& rules) {
  const bool list = messages.IsSequence() && messages.sequence().IsList();
  if (!list) throw InvalidArgument("messages are no list but '", jinja::TypeName(messages), "'");
  std::vector<Value> own;
  WordList words;
  ArgumentRepairs repairs;
  const std::vector<Value>& items = messages.sequence().items;
  if (items.size() >= Source::kMaxMessages) throw InvalidArgument(items.size(), " messages; at most ", Source::kMaxMessages);
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].IsDict()) throw InvalidArgument("message ", i, " is no object but '", jinja::TypeName(items[i]), "'");
    const Value* role = items[i].dict().Find("role");
    if (role == nullptr || !role->IsText() || role->text().empty())
      throw InvalidArgument("message ", i, " has no string \"role\"");
    own.push_back(FromMessage(items[i].dict(), static_cast<uint32_t>(i), rules, words, repairs));
  }
  Conversation conversation{jinja::MakeList(std::move(own)), words.words(), repairs};
  Value given = tools.IsUndefined() ? Value::None() : tools;
  if (given.IsText()) given = jinja::ParseJsonValue(given.text().bytes(), "tools");
  if (!given.IsNone() && !given.IsSequence()) throw InvalidArgument("tools are no list but '", jinja::TypeName(given), "'");
  conversation.tools = jinja::WithSource(given, Source(Origin::kTools));
  if (!documents.IsUndefined()) conversation.documents = jinja::WithSource(documents, Source(Origin::kDocuments));
  return conversation;
}

ConversationRenderer::ConversationRenderer(const ChatTemplate& chat, const Conversation& conversation,
                                           const RenderOptions& options)
    : conversation_(conversation), template_(chat.Select(options.template_name, !conversation.tools.IsNone())) {
  settings_.limits = options.limits;
  settings_.now = TimeOf(options.date);
  for (const auto& [name, token] : chat.special_tokens().entries()) variables_.Set(name, token);
  if (options.variables.IsDict()) {
    for (const auto& [name, value] : options.variables.dict().entries()) {
      // bos_token and its like are the template's own text, whoever names them.
      const bool token = name.text().bytes().ends_with("_token");
      variables_.Set(name, token ? value : jinja::WithSource(value, Source(Origin::kVariable)));
    }
  } else if (!options.variables.IsUndefined() && !options.variables.IsNone()) {
    throw InvalidArgument("the template's variables are no object but '", jinja::TypeName(options.variables), "'");
  }
  variables_.Set(std::string_view("tools"), conversation.tools);
  if (!conversation.documents.IsNone() || variables_.Find("documents") == nullptr) {
    variables_.Set(std::string_view("documents"), conversation.documents);
  }
}

jinja::Output ConversationRenderer::Render(size_t n, bool add_generation_prompt) {
  const std::vector<Value>& all = conversation_.messages.sequence().items;
  variables_.Set(std::string_view("messages"),
                 n == all.size() ? conversation_.messages
                                 : jinja::MakeList(std::vector<Value>(all.begin(), all.begin() + static_cast<int64_t>(n))));
  variables_.Set(std::string_view("add_generation_prompt"), Value::Bool(add_generation_prompt));
  return template_.Render(variables_, settings_);
}

std::string RenderConversation(const ChatTemplate& chat, const Conversation& conversation, const RenderOptions& options) {
  ConversationRenderer renderer(chat, conversation, options);
  return std::string(renderer.Render(renderer.messages(), options.add_generation_prompt).text.bytes());
}

const char* MaskMethodName(MaskMethod method) {
  switch (method) {
    case MaskMethod::kAuto:
      return "auto";
    case MaskMethod::kTags:
      return "tags";
    case MaskMethod::kSpans:
      return "spans";
    case MaskMethod::kUnroll:
      return "unroll";
  }
  return "auto";
}

}  // namespace hlm
