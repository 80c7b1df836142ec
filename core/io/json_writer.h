// Writes JSON into a string, value by value.
//
// There is no tree of values in between: the text is all that is allocated, and nothing is left to take apart where memory runs
// out half way.
#ifndef HORIZON_LM_CORE_IO_JSON_WRITER_H_
#define HORIZON_LM_CORE_IO_JSON_WRITER_H_

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace hlm {

// The caller keeps to the grammar: in an object a Key before each value, an End for each Begin.
class JsonWriter {
 public:
  enum class Style { kOneLine, kIndented };  // indented: a line for each value, two spaces a level

  explicit JsonWriter(Style style = Style::kOneLine) : indented_(style == Style::kIndented) {}

  JsonWriter& BeginObject() { return Begin('{'); }
  JsonWriter& EndObject() { return End('}'); }
  JsonWriter& BeginArray() { return Begin('['); }
  JsonWriter& EndArray() { return End(']'); }
  JsonWriter& Key(std::string_view key);

  JsonWriter& Null();
  // Bytes that are not UTF-8 become U+FFFD: the text is JSON whatever a file name holds.
  JsonWriter& Value(std::string_view text);
  JsonWriter& Value(const std::string& text) { return Value(std::string_view(text)); }
  JsonWriter& Value(const char* text) { return Value(std::string_view(text)); }
  JsonWriter& Value(bool value);
  // The shortest text that reads back as the same double, recognisable as one ("1.0"); null where the value is not finite.
  JsonWriter& Value(double value);
  // Text that is a value of JSON already.
  JsonWriter& Literal(std::string_view text);
  template <std::integral T>
  requires(!std::same_as<T, bool>) JsonWriter& Value(T value) {
    if constexpr (std::is_signed_v<T>) return Signed(value);
    return Unsigned(value);
  }
  // An array of values.
  template <class Values>
  requires requires(const Values& values) {
    values.begin() != values.end();
  } &&(!std::convertible_to<const Values&, std::string_view>)JsonWriter& Value(const Values& values) {
    BeginArray();
    for (const auto& value : values) Value(value);
    return EndArray();
  }

  template <class T>
  JsonWriter& Member(std::string_view key, const T& value) {
    return Key(key).Value(value);
  }

  const std::string& text() const { return text_; }
  std::string Take() { return std::move(text_); }

 private:
  JsonWriter& Begin(char bracket);
  JsonWriter& End(char bracket);
  JsonWriter& Signed(int64_t value);
  JsonWriter& Unsigned(uint64_t value);
  void BeforeValue();
  void Separate();
  void NewLine();
  void Quote(std::string_view text);

  bool indented_;
  int depth_ = 0;
  bool first_ = true;       // nothing yet in the innermost object or array
  bool after_key_ = false;  // what comes belongs to the key just written
  std::string text_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_IO_JSON_WRITER_H_
