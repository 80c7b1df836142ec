#include "core/text/tokenizer/component.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"

namespace hlm {

Component::Component(const JsonValue& json, std::string where) : json_(json), where_(std::move(where)) {
  if (!json.IsObject()) throw InvalidArgument(where_, " is ", json.KindName(), ", not an object");
  if (const JsonValue* type = json.Find("type"); type != nullptr && type->IsString()) type_ = type->String();
}

void Component::Bad(const std::string& what) const { throw InvalidArgument(where_, ": ", what); }

void Component::Unknown(const char* what) const {
  throw Unimplemented(where_, ": the ", what, " ", type_.empty() ? "without a type" : "\"" + Printable(type_) + "\"",
                      " is not known");
}

const JsonValue* Component::Find(const char* name) const {
  const JsonValue* value = json_.Find(name);
  return value == nullptr || value->IsNull() ? nullptr : value;
}

const JsonValue& Component::Member(const char* name) const {
  const JsonValue* value = Find(name);
  if (value == nullptr) Bad(StrCat("\"", name, "\" is missing"));
  return *value;
}

bool Component::Bool(const char* name) const {
  const JsonValue& value = Member(name);
  if (!value.IsBool()) Bad(StrCat("\"", name, "\" is ", PrintableJson(value), ", not a boolean"));
  return value.Bool();
}
bool Component::Bool(const char* name, bool missing) const { return Find(name) == nullptr ? missing : Bool(name); }

const std::string& Component::String(const char* name) const {
  const JsonValue& value = Member(name);
  if (!value.IsString()) Bad(StrCat("\"", name, "\" is ", PrintableJson(value), ", not a string"));
  return value.String();
}
std::string Component::String(const char* name, const std::string& missing) const {
  return Find(name) == nullptr ? missing : String(name);
}

int64_t Component::Int(const char* name) const {
  const JsonValue& value = Member(name);
  const auto number = value.Int();
  if (!number) Bad(StrCat("\"", name, "\" is ", PrintableJson(value), ", not a whole number"));
  return *number;
}

std::string Component::OneChar(const char* name) const {
  const std::string& text = String(name);
  if (text.empty() || Utf8Length(text[0]) != text.size())
    Bad(StrCat("\"", name, "\" is \"", Printable(text), "\", not one character"));
  return text;
}

const JsonValue::Array& Component::Array(const char* name) const {
  const JsonValue& value = Member(name);
  if (!value.IsArray()) Bad(StrCat("\"", name, "\" is ", value.KindName(), ", not an array"));
  return value.Items();
}

Regex Component::Pattern(const char* name) const {
  const JsonValue& value = Member(name);
  try {
    if (const JsonValue* text = value.Find("String"); text != nullptr && text->IsString()) return Regex::Literal(text->String());
    if (const JsonValue* text = value.Find("Regex"); text != nullptr && text->IsString()) return Regex(text->String());
  } catch (const Error& error) {
    throw Error(error.code(), StrCat(where_, ": ", error.message()));
  }
  Bad(StrCat("\"", name, "\" is neither {\"String\": ...} nor {\"Regex\": ...}"));
}

Component Component::Of(const JsonValue& json, const std::string& place) const { return Component(json, where_ + place); }

}  // namespace hlm
