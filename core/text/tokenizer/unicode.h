// What characters are, as the components of tokenizer.json need it. Tables: utf8proc (Unicode 15).
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_UNICODE_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_UNICODE_H_

#include <string>
#include <string_view>
#include <vector>

namespace hlm {

bool IsWhiteSpace(char32_t c);      // the property White_Space
bool IsWordChar(char32_t c);        // \w: letters, marks, decimal digits, connectors, and what else is alphabetic
bool IsNumber(char32_t c);          // N
bool IsPunctuation(char32_t c);     // P, and the ASCII symbols
bool IsMark(char32_t c);            // M
bool IsNonspacingMark(char32_t c);  // Mn
bool IsOther(char32_t c);           // control, format, private use
char32_t LowerCase(char32_t c);     // of one character; U+0130 becomes two, see AppendLowerCase
void AppendLowerCase(std::string& text, char32_t c);

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

// True where the text is surely in this form already: ASCII, and for kNfc what lies below the first combining mark.
bool SurelyNormal(std::string_view text, NormalForm form);

// The text in this form, and for each of its characters the piece of `text` that it was made from. Pieces are as small as
// normalization allows: each begins with a character that never combines with what is before it.
struct NormalPiece {
  size_t begin, end;  // in the old text
  size_t new_end;     // in the new text; it begins where the piece before it ends
};
std::string Normalize(std::string_view text, NormalForm form, std::vector<NormalPiece>* pieces);

// The end of the user-perceived character (extended grapheme cluster) that begins at `at`.
size_t GraphemeEnd(std::string_view text, size_t at);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_UNICODE_H_
