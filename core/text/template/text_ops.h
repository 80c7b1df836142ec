// Operations on strings that methods and filters share.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_TEXT_OPS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_TEXT_OPS_H_

#include <vector>

#include "core/text/template/text.h"
#include "core/text/template/unicode.h"

namespace hlm::jinja {

// Where `wanted` first is in text[from, end), or last in all of it; npos where it is not. In linear time, whatever the bytes are.
size_t FindBytes(std::string_view text, std::string_view wanted, size_t from = 0);
size_t FindLastBytes(std::string_view text, std::string_view wanted);

// `chars` nullptr: white space.
Text StripText(const Text& text, const Text* chars, bool left, bool right, Budget& budget);
Text ChangeCase(const Text& text, Case to, Budget& budget);
Text CapitalizeText(const Text& text, Budget& budget);
Text TitleText(const Text& text, Budget& budget);
Text SwapCaseText(const Text& text, Budget& budget);
// At most `most` cuts, from the right where `from_right`; below 0: all. `separator` nullptr: runs of white space.
std::vector<Text> SplitText(const Text& text, const Text* separator, int64_t most, bool from_right, Budget& budget);
std::vector<Text> LinesOf(const Text& text, bool keep_ends, Budget& budget);
// At most `most`; below 0: all.
Text ReplaceText(const Text& text, const Text& from, const Text& to, int64_t most, Budget& budget);
// side 'l', 'r' or 'c': where the text goes.
Text JustifyText(const Text& text, int64_t width, const Text& fill, char side, Budget& budget);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_TEXT_OPS_H_
