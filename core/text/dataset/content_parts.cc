#include "core/text/dataset/content_parts.h"

#include <initializer_list>
#include <string_view>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/weight_members.h"

namespace hlm::dataset {
namespace {

// The first of these members that is there; nullptr: none is.
const JsonValue* FirstOf(const JsonValue& part, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const JsonValue* value = part.Find(name);
    if (value != nullptr && !value->IsNull()) return value;
  }
  return nullptr;
}

const std::string& TextOf(const JsonValue& part, const std::string& where) {
  if (part.IsString()) return part.String();
  const JsonValue* text = part.Find("text");
  if (text == nullptr || !text->IsString()) {
    throw InvalidArgument(where, ": a part of the content is ", PrintableJson(part),
                          "; it must be {\"type\": \"text\", \"text\": ...}");
  }
  return text->String();
}

// Anthropic's and OpenAI's exports have a string, Mistral's a list of texts.
std::string ThoughtOf(const JsonValue& part, const std::string& where) {
  const bool thinking = part.Find("type")->IsText("thinking");
  const JsonValue* words = thinking ? FirstOf(part, {"thinking"}) : FirstOf(part, {"reasoning", "text"});
  if (words != nullptr && words->IsString()) return words->String();
  if (words == nullptr || !words->IsArray()) {
    throw InvalidArgument(
        where, ": a part of the content is ", PrintableJson(part), "; it must be ",
        thinking ? "{\"type\": \"thinking\", \"thinking\": ...}" : "{\"type\": \"reasoning\", \"reasoning\": ...}");
  }
  std::string joined;
  for (const JsonValue& text : words->Items()) joined += TextOf(text, where);
  return joined;
}

// Whole messages are trained or not.
void RefuseWeight(const JsonValue& part, const std::string& where) {
  for (const std::string_view name : kWeightMembers) {
    const JsonValue* value = part.Find(name);
    if (value == nullptr || value->IsNull() || !IsWeight(name, value->IsBool())) continue;
    if (value->IsBool() ? value->Bool() : value->IsNumber() && value->Number() == 1) continue;
    throw Unimplemented(where, ": a part of the content says \"", name, "\": ", PrintableJson(*value),
                        "; a message is trained as a whole: \"train\": false beside its content takes it out of training");
  }
}

}  // namespace

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

bool IsBlank(std::string_view text) { return Trimmed(text).empty(); }

ContentParts ReadParts(const JsonValue& parts, bool answer, bool join, const std::string& where) {
  ContentParts read;
  for (const JsonValue& part : parts.Items()) {
    if (answer) RefuseWeight(part, where);
    const JsonValue* type = part.Find("type");
    const auto is = [&](const char* name) { return type != nullptr && type->IsText(name); };
    const bool thought = answer && (is("thinking") || is("reasoning"));
    if (type != nullptr && type->IsString() && !thought && !is("text") && !is("input_text") && !is("output_text")) {
      throw Unimplemented(where, ": content of the type \"", Printable(type->String(), 60), "\"; only text is trained on");
    }
    if (!thought) {
      read.text += TextOf(part, where);
      continue;
    }
    if (join && !IsBlank(read.text)) {
      throw InvalidArgument(where, ": content of the type \"", type->String(),
                            "\" stands behind text, and a message's reasoning ",
                            "comes before its content; \"content_parts\": \"keep\" hands the parts to the template as they are");
    }
    read.reasoning += ThoughtOf(part, where);
  }
  return read;
}

}  // namespace hlm::dataset
