#include "core/model/json_text.h"

#include <new>
#include <unordered_set>

#include "core/base/error.h"

namespace hlm {
namespace {

// Counts brackets outside strings. It runs before the parser, so nothing recursive ever sees deep text.
void CheckDepth(std::string_view text, const std::string& where) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) {
        throw InvalidArgument(where, ": JSON nested deeper than ", kMaxJsonDepth, " levels at byte ", i);
      }
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
}

// Bytes of the UTF-8 sequence at the start of `text`, 0 where it is none (overlong forms and surrogates included).
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool valid = (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0);
    return valid && continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool valid = (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);
    return valid && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

Json ParseJson(std::string_view text, const std::string& where, bool unique_keys) {
  CheckDepth(text, where);
  std::unordered_set<std::string> seen;
  const auto check_key = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 && !seen.insert(parsed.get<std::string>()).second) {
      throw InvalidArgument(where, ": the name ", Printable(parsed.get<std::string>()), " appears twice");
    }
    return true;
  };
  try {
    return unique_keys ? Json::parse(text.begin(), text.end(), check_key) : Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    throw InvalidArgument(where, ": not valid JSON at byte ", error.byte);
  } catch (const Json::exception&) {
    throw InvalidArgument(where, ": holds a number that is out of range");
  } catch (const std::bad_alloc&) {
    throw ResourceExhausted(where, ": no memory to parse ", text.size(), " bytes of JSON");
  }
}

std::string Printable(std::string_view text, size_t longest) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceLength(text.substr(at));
    if (out.size() + length > longest) return out + "...";
    const bool control = length == 1 && (text[at] < 0x20 || text[at] == 0x7f);
    if (length == 0 || control) {
      out += '?';
    } else {
      out += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return out;
}

std::string PrintablePath(const std::string& path) { return Printable(path, path.size()); }

std::string PrintableJson(const Json& value) { return Printable(value.dump(-1, ' ', false, Json::error_handler_t::replace)); }

}  // namespace hlm
