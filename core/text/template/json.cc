#include "core/text/template/json.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/io/json_text.h"

namespace hlm::jinja {
namespace {

// What Python's float() makes of it.
Value NotFinite(const std::string& text) {
  if (text == "NaN") return Value::Float(std::numeric_limits<double>::quiet_NaN());
  const double infinity = std::numeric_limits<double>::infinity();
  return Value::Float(text.front() == '-' ? -infinity : infinity);
}

Value FromLiteral(const JsonValue& value, const std::string& where) {
  switch (value.Literal().why) {
    case JsonLiteral::Why::kLongWhole:
      return Value::LongInt(value.Literal().text);
    case JsonLiteral::Why::kNotFinite:
      return NotFinite(value.Literal().text);
    default:
      throw InvalidArgument(where, " holds a ", value.KindName(), ": ", PrintableJson(value));
  }
}

}  // namespace

Value FromJson(const JsonValue& value, const std::string& where) {
  if (value.IsNull()) return Value::None();
  if (value.IsBool()) return Value::Bool(value.Bool());
  if (value.IsString()) return Value::String(value.String());
  if (value.IsLiteral()) return FromLiteral(value, where);
  if (value.IsWhole()) {
    const std::optional<int64_t> whole = value.Int();
    if (whole) return Value::Int(*whole);
    JsonWriter digits;
    value.Write(digits);
    return Value::LongInt(digits.Take());
  }
  if (value.IsNumber()) return Value::Float(value.Number());
  if (value.IsArray()) {
    std::vector<Value> items;
    items.reserve(value.Items().size());
    for (const JsonValue& item : value.Items()) items.push_back(FromJson(item, where));
    return MakeList(std::move(items));
  }
  Dict dict;
  for (const JsonValue::Member& member : value.Members()) dict.Set(std::string_view(member.name), FromJson(member.value, where));
  return MakeDict(std::move(dict));
}

Value ParseJsonValue(std::string_view text, const std::string& where) { return FromJson(ParseJson(text, where), where); }

Value WithSource(const Value& value, Source source) {
  switch (value.kind()) {
    case Value::Kind::kText:
      return Value::String(Text(std::string(value.text().bytes()), source, value.text().safe()));
    case Value::Kind::kDict: {
      Dict dict;
      dict.message = value.dict().message;
      for (const auto& [key, member] : value.dict().entries()) dict.Set(WithSource(key, source), WithSource(member, source));
      return MakeDict(std::move(dict));
    }
    case Value::Kind::kSequence: {
      std::vector<Value> items;
      for (const Value& item : value.sequence().items) items.push_back(WithSource(item, source));
      return MakeSequence(value.sequence().flavor, std::move(items));
    }
    default:
      return value;
  }
}

}  // namespace hlm::jinja
