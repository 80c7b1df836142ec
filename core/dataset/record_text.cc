// What a record's text must keep to before it is parsed (record_reader.h).
#include <limits>
#include <optional>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/dataset/record_reader.h"

namespace hlm::dataset {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The four hexadecimal digits of a \u escape whose backslash is at `at`; nothing where they are not there.
std::optional<uint32_t> EscapedUnit(std::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  uint32_t unit = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    const char c = text[i];
    const char lower = static_cast<char>(c | 0x20);
    if (!IsDigit(c) && !(lower >= 'a' && lower <= 'f')) return std::nullopt;
    unit = unit * 16 + static_cast<uint32_t>(IsDigit(c) ? c - '0' : lower - 'a' + 10);
  }
  return unit;
}

bool FitsIn64Bits(std::string_view digits, bool negative) {
  uint64_t value = 0;
  for (const char c : digits) {
    if (__builtin_mul_overflow(value, uint64_t{10}, &value)) return false;
    if (__builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value)) return false;
  }
  return !negative || value <= uint64_t{1} << 63;
}

// Behind the number that begins at `at`.
size_t CheckNumber(std::string_view text, size_t at, const std::string& where) {
  const size_t begin = at;
  const bool negative = text[at] == '-';
  if (negative) ++at;
  const size_t digits = at;
  while (at < text.size() && IsDigit(text[at])) ++at;
  const bool whole = at == text.size() || (text[at] != '.' && (text[at] | 0x20) != 'e');
  if (whole && !FitsIn64Bits(text.substr(digits, at - digits), negative)) {
    throw InvalidArgument(where, ": a whole number of more than 64 bits at byte ", begin + 1, " of the record");
  }
  // A fraction and an exponent may have any number of digits.
  while (at < text.size() && (IsDigit(text[at]) || std::string_view("+-.eE").find(text[at]) != std::string_view::npos)) ++at;
  return at;
}

// Behind the escape that begins at `at`.
size_t CheckEscape(std::string_view text, size_t at, const std::string& where) {
  const std::optional<uint32_t> unit = EscapedUnit(text, at);
  if (!unit) return at + 2;  // another escape, or none: the parser's business
  if (*unit < 0xd800 || *unit > 0xdfff) return at + 6;
  const std::optional<uint32_t> second = EscapedUnit(text, at + 6);
  if (*unit <= 0xdbff && second && *second >= 0xdc00 && *second <= 0xdfff) return at + 12;
  throw InvalidArgument(where, ": a lone surrogate, ", text.substr(at, 6), ", at byte ", at + 1,
                        " of the record; it stands for no character");
}

}  // namespace

void CheckRecordText(std::string_view text, const std::string& where) {
  int64_t values = 1;
  bool in_string = false;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) >= 0x80) {
      const size_t length = Utf8SequenceLength(text.substr(at));
      if (length == 0) throw InvalidArgument(where, ": not valid UTF-8 at byte ", at + 1, " of the record");
      at += length;
    } else if (c == '\0') {
      throw InvalidArgument(where, ": a NUL at byte ", at + 1, " of the record");
    } else if (in_string) {
      if (c == '\\') {
        at = CheckEscape(text, at, where);
      } else {
        in_string = c != '"';
        ++at;
      }
    } else if (c == '-' || IsDigit(c)) {
      at = CheckNumber(text, at, where);
    } else {
      in_string = c == '"';
      values += c == ',' || c == ':';
      ++at;
    }
  }
  if (values > kMostRecordValues) {
    throw InvalidArgument(where, ": a record of ", values, " values; the limit is ", kMostRecordValues);
  }
}

}  // namespace hlm::dataset
