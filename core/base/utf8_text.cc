#include "core/base/utf8_text.h"

#include "core/base/utf8.h"

namespace hlm {

size_t FirstInvalidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto continues = [&](size_t n) { return at + n < text.size() && IsContinuation(text[at + n]); };
    // Most characters of two or three bytes need no look at the narrower ranges behind 0xe0 and 0xed.
    if (byte < 0x80) {
      at = AsciiEnd(text, at + 1);
    } else if (byte >= 0xc2 && byte < 0xe0 && continues(1)) {
      at += 2;
    } else if (byte > 0xe0 && byte < 0xed && continues(1) && continues(2)) {
      at += 3;
    } else {
      const size_t length = Utf8SequenceLength(text.substr(at, 4));
      if (length == 0) return at;
      at += length;
    }
  }
  return std::string_view::npos;
}

void AppendChar(std::string& text, char32_t c) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

namespace {

// Bytes at the start of `bytes`, which begin no whole character, that make up one bad part: the longest that some valid character
// begins with, or one byte.
size_t BadPart(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = byte(0);
  if (first < 0xc2 || first > 0xf4 || bytes.size() < 2) return 1;
  const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 1;
  if (first < 0xf0 || bytes.size() < 3 || !IsContinuation(bytes[2])) return 2;
  return 3;
}

}  // namespace

void AppendLossy(std::string& text, std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t bad = FirstInvalidUtf8(bytes.substr(at));
    const size_t valid = bad == std::string_view::npos ? bytes.size() - at : bad;
    text += bytes.substr(at, valid);
    at += valid;
    if (at >= bytes.size()) return;
    text += "\xef\xbf\xbd";
    at += BadPart(bytes.substr(at));
  }
}

}  // namespace hlm
