// UTF-8 that is known to be valid: characters one by one, and the check that makes it known.
#ifndef HORIZON_LM_CORE_BASE_UTF8_TEXT_H_
#define HORIZON_LM_CORE_BASE_UTF8_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace hlm {

// The first byte at or behind `at` that is not ASCII; the text's end where there is none.
inline size_t AsciiEnd(std::string_view text, size_t at) {
  // Sixteen bytes at a time: most of most texts.
  uint64_t words[2];
  while (at + sizeof(words) <= text.size()) {
    std::memcpy(words, text.data() + at, sizeof(words));
    if (((words[0] | words[1]) & 0x8080808080808080u) != 0) break;
    at += sizeof(words);
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

// The first byte that belongs to no valid character; npos where all are valid.
size_t FirstInvalidUtf8(std::string_view text);

// Bytes of the character that begins with this byte.
inline size_t Utf8Length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

inline bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// The character at `at`, which is moved behind it. `text` is valid and `at` at the beginning of a character.
inline char32_t NextChar(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  const char32_t first = byte(0);
  char32_t c;
  if (first < 0x80) {
    at += 1;
    return first;
  }
  if (first < 0xe0) {
    c = (first & 0x1f) << 6 | (byte(1) & 0x3f);
    at += 2;
  } else if (first < 0xf0) {
    c = (first & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    at += 3;
  } else {
    c = (first & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    at += 4;
  }
  return c;
}

// The character that ends at `end` > 0, and where it begins.
inline char32_t CharBefore(std::string_view text, size_t end, size_t& begin) {
  begin = end - 1;
  while (begin > 0 && IsContinuation(text[begin])) --begin;
  size_t at = begin;
  return NextChar(text, at);
}

void AppendChar(std::string& text, char32_t c);

// Appends bytes as UTF-8; each longest part that is not (an interrupted character counts as one part) becomes U+FFFD.
void AppendLossy(std::string& text, std::string_view bytes);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_UTF8_TEXT_H_
