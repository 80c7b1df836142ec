#include "core/io/json_value.h"

#include <cstdlib>
#include <limits>

#include "core/base/c_locale.h"

namespace hlm {

// Out of line, all of them: inlined into each other, the alternatives of the variant make GCC 12 see uninitialized ones.
JsonValue::JsonValue() = default;
JsonValue::JsonValue(bool value) : value_(value) {}
JsonValue::JsonValue(int64_t value) : value_(value) {}
JsonValue::JsonValue(uint64_t value) : value_(value) {}
JsonValue::JsonValue(double value) : value_(value) {}
JsonValue::JsonValue(std::string value) : value_(std::move(value)) {}
JsonValue::JsonValue(Array values) : value_(std::move(values)) {}
JsonValue::JsonValue(Object members) : value_(std::move(members)) {}
JsonValue::JsonValue(JsonLiteral literal) : value_(std::move(literal)) {}
JsonValue::JsonValue(const JsonValue& other) {
  // A copy of what allocates is whole before it is moved in: where memory runs out, this value is still null.
  if (other.IsString()) {
    value_ = std::string(other.String());
  } else if (other.IsArray()) {
    Array items(other.Items());
    value_ = std::move(items);
  } else if (other.IsObject()) {
    Object members(other.Members());
    value_ = std::move(members);
  } else if (other.IsLiteral()) {
    JsonLiteral literal(other.Literal());
    value_ = std::move(literal);
  } else if (other.IsBool()) {
    value_ = std::get<bool>(other.value_);
  } else if (other.Is<int64_t>()) {
    value_ = std::get<int64_t>(other.value_);
  } else if (other.Is<uint64_t>()) {
    value_ = std::get<uint64_t>(other.value_);
  } else if (other.Is<double>()) {
    value_ = std::get<double>(other.value_);
  }
}
JsonValue::JsonValue(JsonValue&& other) noexcept = default;
JsonValue& JsonValue::operator=(const JsonValue& other) { return *this = JsonValue(other); }
JsonValue& JsonValue::operator=(JsonValue&& other) noexcept = default;
JsonValue::~JsonValue() = default;

const char* JsonValue::KindName() const {
  if (IsNull()) return "null";
  if (IsBool()) return "boolean";
  if (IsString()) return "string";
  if (IsArray()) return "array";
  if (IsLiteral()) {
    switch (Literal().why) {
      case JsonLiteral::Why::kLongWhole:
        return "whole number of more than 64 bits";
      case JsonLiteral::Why::kNotFinite:
        return "number that is not finite";
      case JsonLiteral::Why::kControl:
        return "string with a raw control character (JSON writes a tab as \\t)";
      case JsonLiteral::Why::kSurrogate:
        return "string with a lone surrogate, which stands for no character";
    }
  }
  return IsObject() ? "object" : "number";
}

std::string JsonValue::KindInWords() const {
  if (IsNull()) return KindName();
  return std::string(IsArray() || IsObject() ? "an " : "a ") + KindName();
}

double JsonValue::Number() const {
  if (const auto* value = std::get_if<int64_t>(&value_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<uint64_t>(&value_)) return static_cast<double>(*value);
  if (IsLiteral()) return ToDouble(Literal().text.c_str());
  return std::get<double>(value_);
}

std::optional<int64_t> JsonValue::Int() const {
  if (const auto* value = std::get_if<int64_t>(&value_)) return *value;
  const auto* value = std::get_if<uint64_t>(&value_);
  if (value == nullptr || *value > uint64_t{std::numeric_limits<int64_t>::max()}) return std::nullopt;
  return static_cast<int64_t>(*value);
}

bool JsonValue::IsEmpty() const { return (IsArray() && Items().empty()) || (IsObject() && Members().empty()); }

const JsonValue* JsonValue::Find(std::string_view key) const {
  if (!IsObject()) return nullptr;
  for (const Member& member : Members()) {
    if (member.name == key) return &member.value;
  }
  return nullptr;
}

void JsonValue::Set(std::string_view key, JsonValue value) {
  for (Member& member : Members()) {
    if (member.name == key) {
      member.value = std::move(value);
      return;
    }
  }
  Members().push_back({std::string(key), std::move(value)});
}

void JsonValue::Write(JsonWriter& json) const {
  if (IsArray()) {
    json.BeginArray();
    for (const JsonValue& item : Items()) item.Write(json);
    json.EndArray();
  } else if (IsObject()) {
    json.BeginObject();
    for (const Member& member : Members()) {
      json.Key(member.name);
      member.value.Write(json);
    }
    json.EndObject();
  } else if (IsNull()) {
    json.Null();
  } else if (const auto* whole = std::get_if<int64_t>(&value_)) {
    json.Value(*whole);
  } else if (const auto* natural = std::get_if<uint64_t>(&value_)) {
    json.Value(*natural);
  } else if (const auto* real = std::get_if<double>(&value_)) {
    json.Value(*real);
  } else if (IsLiteral()) {
    json.Literal(Literal().text);
  } else if (IsBool()) {
    json.Value(Bool());
  } else {
    json.Value(String());
  }
}

}  // namespace hlm
