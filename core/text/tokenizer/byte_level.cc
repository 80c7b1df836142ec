#include "core/text/tokenizer/byte_level.h"

#include <array>

#include "core/base/utf8_text.h"

namespace hlm {
namespace {

constexpr bool StandsForItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

struct Tables {
  std::array<uint16_t, 256> char_of{};
  std::array<int16_t, 324> byte_of{};
  std::array<char, 512> text{};  // two bytes each
  constexpr Tables() {
    for (auto& byte : byte_of) byte = -1;
    uint16_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const uint16_t c = StandsForItself(byte) ? static_cast<uint16_t>(byte) : next++;
      char_of[static_cast<size_t>(byte)] = c;
      byte_of[c] = static_cast<int16_t>(byte);
      const size_t at = static_cast<size_t>(byte) * 2;
      text[at] = static_cast<char>(c < 0x80 ? c : 0xc0 | c >> 6);
      text[at + 1] = static_cast<char>(0x80 | (c & 0x3f));
    }
  }
};
constexpr Tables kTables;

}  // namespace

int ByteOfChar(char32_t c) { return c < kTables.byte_of.size() ? kTables.byte_of[c] : -1; }

std::string_view ByteLevelText(unsigned char byte) {
  return {kTables.text.data() + size_t{byte} * 2, kTables.char_of[byte] < 0x80 ? size_t{1} : size_t{2}};
}

std::string ToByteLevel(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += ByteLevelText(static_cast<unsigned char>(byte));
  return text;
}

bool FromByteLevel(std::string_view text, std::string& bytes) {
  bytes.clear();
  for (size_t at = 0; at < text.size();) {
    const int byte = ByteOfChar(NextChar(text, at));
    if (byte < 0) return false;
    bytes += static_cast<char>(byte);
  }
  return true;
}

}  // namespace hlm
