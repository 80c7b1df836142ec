// Patterns of tokenizer.json are written for Oniguruma. This rewrites one so that PCRE2 10.42 means the same by it:
//   \s \S      the property White_Space (PCRE2 counts U+180E in)
//   \w \W \b   marks and connectors are part of words (PCRE2 counts neither)
//   \h \H      hexadecimal digits
//   \p{Han}    the script; PCRE2 would take its script extensions
//   [a&&b]     an intersection, as a look-ahead
//   (?m        "." matches line feeds too; ^ and $ always match at lines (PCRE2_MULTILINE is set when compiling)
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_PATTERN_SYNTAX_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_PATTERN_SYNTAX_H_

#include <string>
#include <string_view>

namespace hlm {

// Throws INVALID_ARGUMENT where groups or classes nest deeper than 100 or do not end, UNIMPLEMENTED for what is not rewritten
// (callouts, absent operators, conditions).
std::string PcrePattern(std::string_view pattern);

// Every character that means something in a pattern behind a backslash.
std::string EscapePattern(std::string_view text);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_PATTERN_SYNTAX_H_
