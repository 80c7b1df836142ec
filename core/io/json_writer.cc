#include "core/io/json_writer.h"

#include <charconv>
#include <cmath>

#include "core/base/utf8.h"

namespace hlm {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr char kReplacement[] = "\xef\xbf\xbd";          // U+FFFD
constexpr double kLeastFixed = 1e-4, kMostFixed = 1e15;  // outside, a number is shorter and clearer with an exponent
constexpr size_t kLongestNumber = 32;                    // "-0.00012345678901234567" has 23 characters

// The letter that follows the backslash; 0 where there is no short form.
char ShortEscape(char c) {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

}  // namespace

void JsonWriter::NewLine() {
  if (!indented_) return;
  text_ += '\n';
  text_.append(2 * static_cast<size_t>(depth_), ' ');
}

void JsonWriter::Separate() {
  if (depth_ == 0) return;
  if (!first_) text_ += ',';
  first_ = false;
  NewLine();
}

void JsonWriter::BeforeValue() {
  if (!after_key_) Separate();
  after_key_ = false;
}

JsonWriter& JsonWriter::Begin(char bracket) {
  BeforeValue();
  text_ += bracket;
  ++depth_;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::End(char bracket) {
  --depth_;
  if (!first_) NewLine();
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  Separate();
  Quote(key);
  text_ += indented_ ? ": " : ":";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::Null() {
  BeforeValue();
  text_ += "null";
  return *this;
}

JsonWriter& JsonWriter::Value(std::string_view text) {
  BeforeValue();
  Quote(text);
  return *this;
}

JsonWriter& JsonWriter::Value(bool value) {
  BeforeValue();
  text_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::Value(double value) {
  if (!std::isfinite(value)) return Null();
  BeforeValue();
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= kLeastFixed && size < kMostFixed);
  char digits[kLongestNumber];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, value, fixed ? std::chars_format::fixed : std::chars_format::scientific).ptr;
  const std::string_view number(digits, static_cast<size_t>(end - digits));
  text_ += number;
  if (fixed && number.find('.') == std::string_view::npos) text_ += ".0";
  return *this;
}

JsonWriter& JsonWriter::Literal(std::string_view text) {
  BeforeValue();
  text_ += text;
  return *this;
}

JsonWriter& JsonWriter::Signed(int64_t value) {
  BeforeValue();
  char digits[kLongestNumber];
  text_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return *this;
}

JsonWriter& JsonWriter::Unsigned(uint64_t value) {
  BeforeValue();
  char digits[kLongestNumber];
  text_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return *this;
}

void JsonWriter::Quote(std::string_view text) {
  text_ += '"';
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8SequenceLength(text.substr(at));
    const char c = text[at];
    if (length == 0) {
      text_ += kReplacement;
    } else if (const char letter = ShortEscape(c); letter != 0) {
      text_ += '\\';
      text_ += letter;
    } else if (length == 1 && static_cast<unsigned char>(c) < 0x20) {
      text_ += "\\u00";
      text_ += kHexDigits[c >> 4];
      text_ += kHexDigits[c & 15];
    } else {
      text_ += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  text_ += '"';
}

}  // namespace hlm
