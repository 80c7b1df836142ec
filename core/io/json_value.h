// A JSON value that was read: null, a boolean, a number, a string, or arrays and objects of values.
//
// Taking a value apart allocates nothing, so it is safe where memory has run out; it goes as deep as the value is nested, which
// ParseJson (json_text.h) bounds.
#ifndef HORIZON_LM_CORE_IO_JSON_VALUE_H_
#define HORIZON_LM_CORE_IO_JSON_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/io/json_writer.h"

namespace hlm {

// A value that Python's json writes and neither JSON nor a value here can hold. It is kept as it was written and passed on so;
// who reads it finds none of the other kinds, and says what it is by KindName.
struct JsonLiteral {
  enum class Why : uint8_t {
    kLongWhole,  // a whole number of more than 64 bits. It is a number: read as one, it is the nearest double
    kNotFinite,  // NaN, Infinity, -Infinity, and numbers beyond a double's, which Python reads as infinite
    kControl,    // a string with a raw tab or another control character
    kSurrogate,  // a string with half of a surrogate pair
  };
  Why why;
  std::string text;
};

class JsonValue {
 public:
  struct Member;
  using Array = std::vector<JsonValue>;
  using Object = std::vector<Member>;  // in the order of the text

  JsonValue();  // null
  explicit JsonValue(bool value);
  explicit JsonValue(int64_t value);
  explicit JsonValue(uint64_t value);
  explicit JsonValue(double value);
  explicit JsonValue(std::string value);
  explicit JsonValue(const char*) = delete;  // it would be a boolean
  explicit JsonValue(Array values);
  explicit JsonValue(Object members);
  explicit JsonValue(JsonLiteral literal);
  JsonValue(const JsonValue& other);
  JsonValue(JsonValue&& other) noexcept;
  JsonValue& operator=(const JsonValue& other);
  JsonValue& operator=(JsonValue&& other) noexcept;
  ~JsonValue();

  bool IsNull() const { return Is<std::monostate>(); }
  bool IsBool() const { return Is<bool>(); }
  bool IsWhole() const { return Is<int64_t>() || Is<uint64_t>(); }
  bool IsUnsigned() const { return Is<uint64_t>(); }  // a whole number that was written without a sign
  bool IsNumber() const { return IsWhole() || Is<double>() || (IsLiteral() && Literal().why == JsonLiteral::Why::kLongWhole); }
  bool IsString() const { return Is<std::string>(); }
  bool IsArray() const { return Is<Array>(); }
  bool IsObject() const { return Is<Object>(); }
  bool IsLiteral() const { return Is<JsonLiteral>(); }
  // "null", "boolean", "number", "string", "array", "object"; for what is none of these, what is wrong with it.
  const char* KindName() const;
  // The same as a sentence says it: "null", "a string", "an array".
  std::string KindInWords() const;

  // Each throws where the value is of another kind.
  bool Bool() const { return std::get<bool>(value_); }
  double Number() const;
  const std::string& String() const { return std::get<std::string>(value_); }
  const Array& Items() const { return std::get<Array>(value_); }
  Array& Items() { return std::get<Array>(value_); }
  const Object& Members() const { return std::get<Object>(value_); }
  Object& Members() { return std::get<Object>(value_); }
  const JsonLiteral& Literal() const { return std::get<JsonLiteral>(value_); }

  // Nothing where the value is no whole number or has more than 63 bits.
  std::optional<int64_t> Int() const;
  // A string with this text.
  bool IsText(std::string_view text) const { return IsString() && String() == text; }
  // An array or object without anything in it.
  bool IsEmpty() const;
  // The member of an object; nullptr where it has none of this name, or where the value is no object.
  const JsonValue* Find(std::string_view key) const;
  // Replaces the member of this name, or appends it.
  void Set(std::string_view key, JsonValue value);

  void Write(JsonWriter& json) const;

 private:
  template <class T>
  bool Is() const {
    return std::holds_alternative<T>(value_);
  }

  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object, JsonLiteral> value_;
};

struct JsonValue::Member {
  std::string name;
  JsonValue value;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_IO_JSON_VALUE_H_
