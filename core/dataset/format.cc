// Which format a record is in, and what its keys are called (example.h).
#include <array>
#include <utility>

#include "core/base/error.h"
#include "core/dataset/example.h"
#include "core/model/json_text.h"

namespace hlm::dataset {
namespace {

struct NamedFormat {
  Format format;
  const char* name;
};
constexpr NamedFormat kFormats[] = {
    {Format::kAuto, "auto"},
    {Format::kText, "text"},
    {Format::kMessages, "messages"},
    {Format::kShareGpt, "sharegpt"},
    {Format::kAlpaca, "alpaca"},
    {Format::kPromptCompletion, "prompt_completion"},
    {Format::kPreference, "preference"},
    {Format::kUnpaired, "unpaired"},
    {Format::kIds, "ids"},
};

bool IsListWith(const JsonValue* value, const char* key) {
  return value != nullptr && value->IsArray() && !value->Items().empty() && value->Items().front().Find(key) != nullptr;
}

bool IsOfUse(Format format, Task task) {
  switch (format) {
    case Format::kPreference:
      return task == Task::kPreference || task == Task::kUnpaired;
    case Format::kUnpaired:
      return task == Task::kUnpaired;
    default:
      return task == Task::kPretrain || task == Task::kSft;
  }
}

std::string Keys(const JsonValue& record) {
  std::string keys;
  for (const JsonValue::Member& member : record.Members()) {
    keys += StrCat(keys.empty() ? "" : ", ", Printable(member.name, 40));
    if (keys.size() > 400) return keys + ", ...";
  }
  return keys.empty() ? "none" : keys;
}

}  // namespace

const char* Name(Format format) {
  for (const NamedFormat& named : kFormats) {
    if (named.format == format) return named.name;
  }
  return "?";
}

Format ReadFormat(const std::string& name, const std::string& where) {
  if (name == "openai") return Format::kMessages;
  std::string legal;
  for (const NamedFormat& named : kFormats) {
    if (name == named.name) return named.format;
    legal += StrCat(legal.empty() ? "" : ", ", named.name);
  }
  throw InvalidArgument(where, ": the format is ", Printable(name), "; legal are ", legal);
}

FormatSpec DefaultSpec(Format format) {
  FormatSpec spec;
  spec.format = format;
  Columns& c = spec.columns;
  c.tools = "tools";
  spec.tags.role = "role";
  spec.tags.content = "content";
  switch (format) {
    case Format::kAuto:
      break;
    case Format::kText:
      c.text = "text";
      break;
    case Format::kMessages:
      c.messages = "messages";
      break;
    case Format::kShareGpt:
      c.messages = "conversations";
      c.system = "system";
      c.chosen = "chosen";
      c.rejected = "rejected";
      spec.tags = {"from", "value", "human", "gpt", "observation", "function_call", "system"};
      break;
    case Format::kAlpaca:
      c.prompt = "instruction";
      c.query = "input";
      c.response = "output";
      c.history = "history";
      c.system = "system";
      c.chosen = "chosen";
      c.rejected = "rejected";
      break;
    case Format::kUnpaired:
      c.label = "label";
      [[fallthrough]];
    case Format::kPromptCompletion:
      c.prompt = "prompt";
      c.completion = "completion";
      break;
    case Format::kPreference:
      c.prompt = "prompt";
      c.chosen = "chosen";
      c.rejected = "rejected";
      break;
    case Format::kIds:
      c.input_ids = "input_ids";
      c.labels = "labels";
      break;
  }
  return spec;
}

Column* FindColumn(Columns& columns, std::string_view name) {
  const std::pair<std::string_view, Column*> named[] = {
      {"text", &columns.text},         {"prompt", &columns.prompt},       {"query", &columns.query},
      {"response", &columns.response}, {"history", &columns.history},     {"messages", &columns.messages},
      {"system", &columns.system},     {"tools", &columns.tools},         {"completion", &columns.completion},
      {"chosen", &columns.chosen},     {"rejected", &columns.rejected},   {"kto_tag", &columns.label},
      {"label", &columns.label},       {"input_ids", &columns.input_ids}, {"labels", &columns.labels}};
  for (const auto& [known, column] : named) {
    if (known == name) return column;
  }
  return nullptr;
}

Column* FindTag(Tags& tags, std::string_view name) {
  const std::pair<std::string_view, Column*> named[] = {
      {"role_tag", &tags.role},           {"content_tag", &tags.content},         {"user_tag", &tags.user},
      {"assistant_tag", &tags.assistant}, {"observation_tag", &tags.observation}, {"function_tag", &tags.function},
      {"system_tag", &tags.system}};
  for (const auto& [known, tag] : named) {
    if (known == name) return tag;
  }
  return nullptr;
}

FormatSpec DetectFormat(const JsonValue& record, Task task, const std::string& where) {
  if (!record.IsObject()) throw InvalidArgument(where, ": a record is a ", record.KindName(), "; it must be an object");
  const auto has = [&](const char* key) { return record.Find(key) != nullptr; };
  std::vector<FormatSpec> candidates;
  const auto add = [&](Format format) { candidates.push_back(DefaultSpec(format)); };
  if (has("input_ids")) add(Format::kIds);
  if (has("messages")) add(Format::kMessages);
  if (const JsonValue* list = record.Find("conversations")) {
    // Some call OpenAI's messages "conversations".
    const bool messages = IsListWith(list, "role") && !IsListWith(list, "from");
    add(messages ? Format::kMessages : Format::kShareGpt);
    if (messages) candidates.back().columns.messages = "conversations";
  }
  const bool ranked = has("chosen") && has("rejected");
  if (ranked) add(Format::kPreference);
  if (ranked && has("instruction")) {
    candidates.back() = DefaultSpec(Format::kAlpaca);
    candidates.back().ranking = true;
  }
  if (has("prompt") && has("completion"))
    add(has("label") && task == Task::kUnpaired ? Format::kUnpaired : Format::kPromptCompletion);
  if (has("instruction") && has("output")) add(Format::kAlpaca);
  if (has("text")) add(Format::kText);

  std::vector<const FormatSpec*> usable;
  for (const FormatSpec& candidate : candidates) {
    if (IsOfUse(candidate.ranking ? Format::kPreference : candidate.format, task)) usable.push_back(&candidate);
  }
  if (usable.size() == 1) return *usable.front();
  std::string found;
  for (const FormatSpec& candidate : candidates) found += StrCat(found.empty() ? "" : " and ", Name(candidate.format));
  if (candidates.empty()) {
    throw InvalidArgument(where, ": no known format has the keys of this record: ", Keys(record));
  }
  if (usable.empty()) {
    throw InvalidArgument(where, ": the keys of this record speak for the format ", found,
                          ", which is of no use for this task; the keys are: ", Keys(record));
  }
  throw InvalidArgument(where, ": the keys of this record speak for the formats ", found,
                        "; say which is meant (\"format\"); the keys are: ", Keys(record));
}

}  // namespace hlm::dataset
