// Which format a record is in, and what its keys are called (example.h).
#include <utility>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/example.h"

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
      c.system = "system";
      c.chosen = "chosen";
      c.rejected = "rejected";
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
      c.system = "system";
      break;
    case Format::kPreference:
      c.prompt = "prompt";
      c.chosen = "chosen";
      c.rejected = "rejected";
      c.system = "system";
      break;
    case Format::kIds:
      c.input_ids = "input_ids";
      c.labels = "labels";
      break;
  }
  return spec;
}

std::vector<std::pair<std::string_view, Column*>> NamedColumns(Columns& columns) {
  return {{"text", &columns.text},           {"prompt", &columns.prompt},     {"query", &columns.query},
          {"response", &columns.response},   {"history", &columns.history},   {"messages", &columns.messages},
          {"system", &columns.system},       {"tools", &columns.tools},       {"completion", &columns.completion},
          {"chosen", &columns.chosen},       {"rejected", &columns.rejected}, {"label", &columns.label},
          {"input_ids", &columns.input_ids}, {"labels", &columns.labels}};
}

Column* FindColumn(Columns& columns, std::string_view name) {
  if (name == "kto_tag") return &columns.label;
  for (const auto& [known, column] : NamedColumns(columns)) {
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

}  // namespace hlm::dataset
