// The alphabet of byte-level vocabularies: each byte is one printable character (GPT-2's table; Radford et al. 2019). Printable
// bytes of Latin-1 stand for themselves, the other 68 for U+0100 onwards in their order.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_BYTE_LEVEL_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_BYTE_LEVEL_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace hlm {

int ByteOfChar(char32_t c);  // -1 where it is none of the alphabet

// The UTF-8 of each byte's character.
std::string_view ByteLevelText(unsigned char byte);
std::string ToByteLevel(std::string_view bytes);
// False where a character is none of the alphabet; `bytes` is then unspecified.
bool FromByteLevel(std::string_view text, std::string& bytes);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_BYTE_LEVEL_H_
