#include "core/text/template/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "core/base/utf8.h"
#include "core/text/template/special_case.h"

namespace hlm::jinja {
namespace {

utf8proc_category_t Category(uint32_t code) { return utf8proc_category(static_cast<utf8proc_int32_t>(code)); }

}  // namespace

void AppendUtf8(uint32_t code, std::string& out) {
  utf8proc_uint8_t bytes[4];
  const auto n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
}

uint32_t CharAt(std::string_view text, size_t at, size_t& length) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[at + i])); };
  const uint32_t first = byte(0);
  if (first < 0x80) {
    length = 1;
    return first;
  }
  length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  uint32_t code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3fu);
  return code;
}

bool IsSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}
bool IsLineBreak(uint32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}
bool IsPrintable(uint32_t c) {
  if (c == ' ') return true;
  switch (Category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}
bool IsAlpha(uint32_t c) {
  const auto category = Category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}
bool IsDecimal(uint32_t c) { return Category(c) == UTF8PROC_CATEGORY_ND; }
bool IsNumeric(uint32_t c) {
  const auto category = Category(c);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}
bool IsUpper(uint32_t c) { return utf8proc_isupper(static_cast<utf8proc_int32_t>(c)) != 0; }
bool IsLower(uint32_t c) { return utf8proc_islower(static_cast<utf8proc_int32_t>(c)) != 0; }
bool IsTitle(uint32_t c) { return Category(c) == UTF8PROC_CATEGORY_LT; }
bool IsCased(uint32_t c) { return IsUpper(c) || IsLower(c) || IsTitle(c); }
bool IsCaseIgnorable(uint32_t c) {
  switch (Category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      break;
  }
  return c == 0x27 || c == 0x2e || c == 0x3a || c == 0xb7 || c == 0x387 || c == 0x55f || c == 0x5f4 || c == 0x2018 ||
         c == 0x2019 || c == 0x2024 || c == 0x2027 || c == 0xfe13 || c == 0xfe52 || c == 0xfe55 || c == 0xff07 || c == 0xff0e ||
         c == 0xff1a;
}

void AppendCase(uint32_t code, Case to, std::string& out) {
  if (code < 0x80) {
    const char c = static_cast<char>(code);
    out += to == Case::kLower ? (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c)
                              : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
    return;
  }
  const auto point = static_cast<utf8proc_int32_t>(code);
  if (to == Case::kLower) {
    if (code == 0x130) {
      out += "i\xcc\x87";
    } else {
      AppendUtf8(static_cast<uint32_t>(utf8proc_tolower(point)), out);
    }
    return;
  }
  const auto* special = std::lower_bound(std::begin(kSpecialCase), std::end(kSpecialCase), code,
                                         [](const SpecialCase& entry, uint32_t c) { return entry.code < c; });
  if (special != std::end(kSpecialCase) && special->code == code) {
    out += to == Case::kUpper ? special->upper : special->title;
  } else {
    AppendUtf8(static_cast<uint32_t>(to == Case::kUpper ? utf8proc_toupper(point) : utf8proc_totitle(point)), out);
  }
}

std::string_view StripLeft(std::string_view text) {
  size_t at = 0, length = 0;
  while (at < text.size() && IsSpace(CharAt(text, at, length))) at += length;
  return text.substr(at);
}
std::string_view StripRight(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t start = end - 1, length = 0;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0u) == 0x80u) --start;
    if (!IsSpace(CharAt(text, start, length))) break;
    end = start;
  }
  return text.substr(0, end);
}

}  // namespace hlm::jinja
