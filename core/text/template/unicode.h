// Characters as Python sees them.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_UNICODE_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_UNICODE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hlm::jinja {

void AppendUtf8(uint32_t code, std::string& out);
// The character that begins at `at`, of `length` bytes. `text` is valid UTF-8.
uint32_t CharAt(std::string_view text, size_t at, size_t& length);

bool IsSpace(uint32_t code);      // str.isspace
bool IsLineBreak(uint32_t code);  // str.splitlines
bool IsPrintable(uint32_t code);  // str.isprintable
bool IsAlpha(uint32_t code);
bool IsDecimal(uint32_t code);
bool IsNumeric(uint32_t code);  // approximately: categories Nd, Nl and No
bool IsUpper(uint32_t code);
bool IsLower(uint32_t code);
bool IsTitle(uint32_t code);
bool IsCased(uint32_t code);
bool IsCaseIgnorable(uint32_t code);

// Full mappings: one character may become three. ('Σ' at the end of a word is the caller's to see to.)
enum class Case { kUpper, kLower, kTitle };
void AppendCase(uint32_t code, Case to, std::string& out);

std::string_view StripLeft(std::string_view text);
std::string_view StripRight(std::string_view text);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_UNICODE_H_
