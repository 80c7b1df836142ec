#include "samples/horizon/data/json_lines.h"

#include <cmath>
#include <cstdlib>

namespace horizon {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// A string of JSON up to its closing quote, or to the end of the text.
std::string_view StringAt(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  return text.substr(at, end < text.size() ? end + 1 - at : std::string_view::npos);
}

// The half of a surrogate pair that an escape at this place says: 1 the first, 2 the second, 0 none.
int HalfAt(std::string_view string, size_t at) {
  if (string.substr(at, 2) != "\\u" || at + 6 > string.size()) return 0;
  const long code = std::strtol(std::string(string.substr(at + 2, 4)).c_str(), nullptr, 16);
  return code >= 0xd800 && code < 0xdc00 ? 1 : code >= 0xdc00 && code < 0xe000 ? 2 : 0;
}

bool IsOfJson(std::string_view string) {
  for (size_t at = 0; at < string.size();) {
    if (static_cast<unsigned char>(string[at]) < 0x20) return false;
    const int half = HalfAt(string, at);
    const bool pair = half == 1 && HalfAt(string, at + 6) == 2;
    if (half != 0 && !pair) return false;
    at += pair ? 12 : string[at] == '\\' ? 2 : 1;
  }
  return true;
}

// A number, or a word that Python writes for one; empty where none begins here.
std::string_view NumberAt(std::string_view text, size_t at) {
  for (const std::string_view word : {"NaN", "-Infinity", "Infinity"}) {
    if (text.substr(at, word.size()) == word) return text.substr(at, word.size());
  }
  if (std::string_view("-0123456789").find(text[at]) == std::string_view::npos) return "";
  const size_t end = text.find_first_not_of("+-.0123456789eE", at);
  return text.substr(at, end == std::string_view::npos ? end : end - at);
}

std::string WithNulls(std::string_view row) {
  std::string text;
  for (size_t at = 0; at < row.size();) {
    if (row[at] == '"') {
      const std::string_view string = StringAt(row, at);
      const size_t next = row.find_first_not_of(kSpace, at + string.size());
      const bool name = next != std::string_view::npos && row[next] == ':';
      text += name || IsOfJson(string) ? string : "null";
      at += string.size();
      continue;
    }
    const std::string_view number = NumberAt(row, at);
    if (number.empty()) {
      text += row[at++];
      continue;
    }
    text += std::isfinite(std::strtod(std::string(number).c_str(), nullptr)) ? number : "null";
    at += number.size();
  }
  return text;
}

}  // namespace

Json ParseRow(std::string_view row) {
  Json parsed = Json::parse(row, nullptr, false);
  return parsed.is_discarded() ? Json::parse(WithNulls(row), nullptr, false) : parsed;
}

std::string_view RawMember(std::string_view object, std::string_view name) {
  int depth = 0;
  size_t begin = 0;  // of the value of `name`; 0: another member's
  for (size_t at = 0; at < object.size();) {
    const char c = object[at];
    if (c == '"') {
      const std::string_view string = StringAt(object, at);
      at += string.size();
      const size_t next = object.find_first_not_of(kSpace, at);
      if (depth != 1 || next == std::string_view::npos || object[next] != ':') continue;
      begin = string.substr(1, string.size() - 2) == name ? next + 1 : 0;
      at = next + 1;
      continue;
    }
    if (begin > 0 && depth == 1 && (c == ',' || c == '}')) return object.substr(begin, at - begin);
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    ++at;
  }
  return {};
}

}  // namespace horizon
