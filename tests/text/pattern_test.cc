// Patterns as tokenizer.json spells them, rewritten for PCRE2.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/text/tokenizer/pattern_syntax.h"
#include "core/text/tokenizer/regex.h"

namespace hlm {
namespace {

std::vector<std::string> Matches(const std::string& pattern, const std::string& text) {
  const Regex regex(pattern);
  RegexScratch scratch;
  std::vector<std::string> found;
  ForEachStretch(regex, text, scratch, [&](size_t begin, size_t end, bool match) {
    if (match) found.push_back(text.substr(begin, end - begin));
  });
  return found;
}
using Texts = std::vector<std::string>;

TEST(PatternTest, WhiteSpaceIsUnicodes) {
  EXPECT_EQ(Matches("\\s",
                    "a\u0085"
                    "b\u00a0\u180e\u200b\u3000"),
            (Texts{"\u0085", "\u00a0", "\u3000"}))
      << "U+180E is none";
  EXPECT_EQ(Matches("[^\\s]+",
                    "a\u180e \u2003"
                    "b"),
            (Texts{"a\u180e", "b"}));
  EXPECT_EQ(Matches("[\\S]", "\u180e\u2028"), (Texts{"\u180e"}));
  EXPECT_EQ(Matches("\\S+", "ab cd"), (Texts{"ab", "cd"}));
}

TEST(PatternTest, HanIsTheScriptNotItsExtensions) {
  EXPECT_EQ(Matches("\\p{Han}+", "\u4e2d\u3001\u6587"), (Texts{"\u4e2d", "\u6587"}));
  EXPECT_EQ(Matches("[\\p{Lo}&&[^\\p{Han}]]+", "\u3042\u4e2d\u3044"), (Texts{"\u3042", "\u3044"}));
  EXPECT_EQ(Matches("[a-z&&[^aeiou]]+", "abcde"), (Texts{"bcd"}));
  EXPECT_EQ(Matches("[^a-z&&[^aeiou]]", "ab1"), (Texts{"a", "1"}));
}

TEST(PatternTest, WordsHaveMarksAndConnectors) {
  EXPECT_EQ(Matches("\\w+",
                    "e\u0301_a b\u203f"
                    "c"),
            (Texts{"e\u0301_a",
                   "b\u203f"
                   "c"}));
  EXPECT_EQ(Matches("\\bab\\b", "ab cab ab_ ab"), (Texts{"ab", "ab"}));
}

TEST(PatternTest, LinesAndDotsAreOnigurumas) {
  EXPECT_EQ(Matches("^a$", "a\nb\na"), (Texts{"a", "a"}));
  EXPECT_EQ(Matches("a.", "a\nab"), (Texts{"ab"}));
  EXPECT_EQ(Matches("(?m:a.)", "a\nab"), (Texts{"a\n", "ab"}));
  EXPECT_EQ(Matches("(?i:\x27s)", "'S's'\u017f"), (Texts{"'S", "'s", "'\u017f"}));
}

// What the package tokenizers (0.23, Oniguruma) takes and leaves of the same texts.
TEST(PatternTest, PosixClassesAreOnigurumasOfUnicode) {
  const std::string text = "a1_\u0301\u0345\u00b2\u2160\u24b6$!\U0001f600 \t";
  EXPECT_EQ(Matches("[[:alpha:]]", text), (Texts{"a", "\u0345", "\u2160", "\u24b6"}));
  EXPECT_EQ(Matches("[[:^alpha:]]+", text), (Texts{"1_\u0301", "\u00b2", "$!\U0001f600 \t"}));
  EXPECT_EQ(Matches("[[:alnum:]]+", text), (Texts{"a1", "\u0345", "\u2160\u24b6"}));
  EXPECT_EQ(Matches("[[:punct:]]+", text), (Texts{"_", "\u24b6$!\U0001f600"}));
  EXPECT_EQ(Matches("[[:word:]]+", text), (Texts{"a1_\u0301\u0345", "\u2160\u24b6"}));
  EXPECT_EQ(Matches("[[:graph:]]+", text), (Texts{text.substr(0, text.size() - 2)}));
  EXPECT_EQ(Matches("[[:print:]]+", text), (Texts{text.substr(0, text.size() - 1)}));
  EXPECT_EQ(Matches("[[:blank:]]", text), (Texts{" ", "\t"}));
  EXPECT_EQ(Matches("[[:space:]a]", "a\u180e\u0085"), (Texts{"a", "\u0085"}));
  EXPECT_EQ(Matches("[[:xdigit:][:upper:]]+", "fFgGz9"), (Texts{"fF", "G", "9"}));
  EXPECT_EQ(Matches("[[:^space:]&&[^b]]+", "ab c"), (Texts{"a", "c"}));
  EXPECT_EQ(Matches("\\w+", text), (Texts{"a1_\u0301\u0345\u00b2\u2160\u24b6"})) << "a power is a word outside of classes";
  EXPECT_EQ(Matches("[\\w]+", text), (Texts{"a1_\u0301\u0345", "\u2160\u24b6"}));
  EXPECT_THROW(Regex("[[:^punct:]]"), Error);
}

TEST(PatternTest, SpellingsThatPcreHasNot) {
  EXPECT_EQ(Matches("(?#a comment)a+", "baab"), (Texts{"aa"}));
  EXPECT_EQ(Matches("\\h+", "xfF9g"), (Texts{"fF9"}));
  EXPECT_EQ(Matches("\\H+", "xfF9g"), (Texts{"x", "g"}));
  EXPECT_EQ(Matches("[\\u0061-\\u0063\\x{4e2d}]+", "abcd\u4e2d"), (Texts{"abc", "\u4e2d"}));
  EXPECT_EQ(Matches("\\p{^L}+", "a12b"), (Texts{"12"}));
  EXPECT_EQ(Matches("\\P{^L}+", "a12b"), (Texts{"a", "b"}));
  EXPECT_EQ(Matches("\\p{Alnum}+", "a1_b"), (Texts{"a1", "b"}));
  EXPECT_EQ(Matches("\\P{XDigit}[\\p{XDigit}_]+", "g0_f"), (Texts{"g0_f"}));
  EXPECT_EQ(Matches("a{,2}b", "aaab b"), (Texts{"aab", "b"}));
  EXPECT_EQ(Matches("a{,}|x{b", "a{,}x{b"), (Texts{"a{,}", "x{b"}));
}

TEST(PatternTest, LiteralsAreLiteral) {
  const std::string text = "a.b*(c)[d]{2}|^$\\ #-&~";
  const Regex regex = Regex::Literal(text);
  RegexScratch scratch;
  Regex::Match match;
  ASSERT_TRUE(regex.Find("x" + text + "y", 0, scratch, match));
  EXPECT_EQ(match.begin, 1u);
  EXPECT_EQ(match.end, 1 + text.size());
}

}  // namespace
}  // namespace hlm
