#include "core/text/tokenizer/unicode.h"

#include <utf8proc.h>

#include "core/base/error.h"
#include "core/base/utf8_text.h"

namespace hlm {
namespace {

utf8proc_category_t Category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

bool IsLetterCategory(utf8proc_category_t category) {
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

}  // namespace

bool IsWhiteSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool IsMark(char32_t c) {
  const auto category = Category(c);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

bool IsNonspacingMark(char32_t c) { return Category(c) == UTF8PROC_CATEGORY_MN; }

bool IsNumber(char32_t c) {
  const auto category = Category(c);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

bool IsPunctuation(char32_t c) {
  if (c < 0x80)
    return (c >= 0x21 && c <= 0x2f) || (c >= 0x3a && c <= 0x40) || (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
  const auto category = Category(c);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool IsOther(char32_t c) {
  const auto category = Category(c);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CO ||
         category == UTF8PROC_CATEGORY_CS;
}

bool IsWordChar(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  const auto category = Category(c);
  if (IsLetterCategory(category) || IsMark(c)) return true;
  if (category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_PC || category == UTF8PROC_CATEGORY_NL) return true;
  // Join_Control, and Other_Alphabetic beyond marks: circled and squared letters.
  return c == 0x200c || c == 0x200d || (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) ||
         (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189);
}

char32_t LowerCase(char32_t c) { return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))); }

void AppendLowerCase(std::string& text, char32_t c) {
  if (c == 0x130) {  // the one character whose lower case is two, whatever stands around it
    text += "i\xcc\x87";
    return;
  }
  AppendChar(text, LowerCase(c));
}

bool SurelyNormal(std::string_view text, NormalForm form) {
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      at = AsciiEnd(text, at + 1);
      continue;
    }
    if (form != NormalForm::kNfc) return false;
    const char32_t c = NextChar(text, at);
    // What NFC leaves alone without a look at the rest: no character here changes, combines or is moved.
    const bool safe = c < 0x300 || (c >= 0x2010 && c <= 0x2027) || (c >= 0x3000 && c <= 0x3098) || (c >= 0x309b && c <= 0x30ff) ||
                      (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xff01 && c <= 0xff5e) ||
                      (c >= 0x410 && c <= 0x482);
    if (!safe) return false;
  }
  return true;
}

namespace {

// Whether a piece may begin with this character: it never combines with one before it, in any form.
bool Starts(char32_t c) {
  const utf8proc_property_t* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
  if (property->combining_class != 0) return false;
  if ((c >= 0x1161 && c <= 0x1175) || (c >= 0x11a8 && c <= 0x11c2)) return false;  // vowels and finals of Hangul
  // Second characters of canonical compositions that have combining class 0. utf8proc's own table of them is not public; all are
  // marks, or the vowel signs below.
  if (IsMark(c)) return false;
  // Characters that decompose into one that does not start (half-width voiced marks, U+0344 and the like).
  utf8proc_int32_t parts[32];
  int last_class = UTF8PROC_BOUNDCLASS_START;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  const auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 32, options, &last_class);
  if (n < 1 || n > 32) return true;
  const auto first = static_cast<char32_t>(parts[0]);
  return utf8proc_get_property(parts[0])->combining_class == 0 && !IsMark(first) && !(first >= 0x1161 && first <= 0x1175) &&
         !(first >= 0x11a8 && first <= 0x11c2);
}

utf8proc_option_t Options(NormalForm form) {
  switch (form) {
    case NormalForm::kNfc:
      return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    case NormalForm::kNfd:
      return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
    case NormalForm::kNfkc:
      return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    case NormalForm::kNfkd:
      break;
  }
  return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
}

void NormalizePiece(std::string_view piece, utf8proc_option_t options, std::vector<utf8proc_int32_t>& buffer, std::string& out) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(piece.data());
  const auto length = static_cast<utf8proc_ssize_t>(piece.size());
  if (buffer.size() < piece.size() * 4 + 32) buffer.resize(piece.size() * 4 + 32);
  auto n = utf8proc_decompose(bytes, length, buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()), options);
  if (n > static_cast<utf8proc_ssize_t>(buffer.size())) {
    buffer.resize(static_cast<size_t>(n) + 1);
    n = utf8proc_decompose(bytes, length, buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()), options);
  }
  HLM_CHECK(n >= 0, "utf8proc: ", utf8proc_errmsg(n));
  n = utf8proc_normalize_utf32(buffer.data(), n, options);
  HLM_CHECK(n >= 0, "utf8proc: ", utf8proc_errmsg(n));
  for (utf8proc_ssize_t i = 0; i < n; ++i) AppendChar(out, static_cast<char32_t>(buffer[static_cast<size_t>(i)]));
}

}  // namespace

std::string Normalize(std::string_view text, NormalForm form, std::vector<NormalPiece>* pieces) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  std::vector<utf8proc_int32_t> buffer;
  const utf8proc_option_t options = Options(form);
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    const char32_t first = NextChar(text, end);
    bool plain = first < 0x80;
    while (end < text.size()) {
      size_t next = end;
      const char32_t c = NextChar(text, next);
      if (c < 0x300 || Starts(c)) break;
      plain = false;
      end = next;
    }
    if (plain) {
      out += static_cast<char>(first);
    } else {
      NormalizePiece(text.substr(begin, end - begin), options, buffer, out);
    }
    if (pieces != nullptr) pieces->push_back({begin, end, out.size()});
    begin = end;
  }
  return out;
}

size_t GraphemeEnd(std::string_view text, size_t at) {
  utf8proc_int32_t state = 0;
  auto before = static_cast<utf8proc_int32_t>(NextChar(text, at));
  while (at < text.size()) {
    size_t next = at;
    const auto c = static_cast<utf8proc_int32_t>(NextChar(text, next));
    if (utf8proc_grapheme_break_stateful(before, c, &state)) break;
    before = c;
    at = next;
  }
  return at;
}

}  // namespace hlm
