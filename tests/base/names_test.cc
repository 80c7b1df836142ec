// What names are compared by: capitals, and patterns of names.
#include <fnmatch.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/ascii.h"
#include "core/base/glob.h"
#include "core/base/nearest.h"
#include "core/base/random.h"

namespace hlm {
namespace {

TEST(SameWord, LooksThroughCapitalsOfAsciiAlone) {
  EXPECT_TRUE(SameWord("PhiMoEForCausalLM", "PhimoeForCausalLM"));
  EXPECT_FALSE(SameWord("Phi", "Phi3"));
  EXPECT_FALSE(SameWord("\xc3\x84", "\xc3\xa4"));  // a letter that is not ASCII is the bytes that it is
  EXPECT_EQ(AsciiLower(std::string_view("Model-[@].BIN\xc3\x84")), "model-[@].bin\xc3\x84");
}

TEST(DidYouMean, NamesTheNearestOrTheOneThatBeginsAlike) {
  const std::string known = "data, seed, seq_len, shuffle, template_date, template_name";
  for (const auto& [word, meant] : {std::pair{"sed", "seed"},
                                    {"sede", "seed"},
                                    {"seqlen", "seq_len"},
                                    {"seq_length", "seq_len"},
                                    {"sufle", "shuffle"},
                                    {"dataset", "data"},
                                    {"templat", "template_date"},
                                    {"template_nam", "template_name"}}) {
    EXPECT_EQ(DidYouMean(word, known), std::string(" (did you mean ") + meant + "?)");
  }
  for (const char* word : {"", "x", "se", "zebra", "epochs"}) EXPECT_EQ(DidYouMean(word, known), "") << word;
  EXPECT_EQ(DidYouMean(std::string(5000, 's'), known), "");
  EXPECT_EQ(DidYouMean("sed", ""), "");
}

TEST(Glob, SplitsAtCommasOutsideBrackets) {
  EXPECT_EQ(SplitGlobs(" a.*, ,b[,x]c,\td "), (std::vector<std::string>{"a.*", "b[,x]c", "d"}));
  EXPECT_EQ(SplitGlobs(" , "), std::vector<std::string>());
}

// The C library's own, in the C locale, on random patterns and names of few letters, so that many fit.
TEST(Glob, FitsWhatFnmatchFits) {
  constexpr std::string_view kPattern = "ab.*?[]!-", kName = "ab.-";
  const uint64_t key = RandomKey(1, "globs");
  uint64_t counter = 0;
  const auto draw = [&](std::string_view letters, uint64_t most) {
    std::string text;
    for (uint64_t n = RandomBelow(key, counter++, most); n > 0; --n) text += letters[RandomBelow(key, counter++, letters.size())];
    return text;
  };
  int64_t fits = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::string pattern = draw(kPattern, 7), name = draw(kName, 6);
    // Ranges that begin or end at a bracket, or fall, are read otherwise here and there; "[[." begins a name of POSIX's.
    if (std::count(pattern.begin(), pattern.end(), '[') > 1) continue;
    if (pattern.find('[') != std::string::npos && pattern.find('-') != std::string::npos) continue;
    const bool expected = fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
    ASSERT_EQ(MatchesGlob(pattern, name), expected) << "'" << pattern << "' and '" << name << "'";
    fits += expected;
  }
  EXPECT_GT(fits, 10000);
  EXPECT_TRUE(MatchesGlob("model.layers.[0-9].*", "model.layers.7.mlp.up_proj.weight"));
  EXPECT_FALSE(MatchesGlob("model.layers.[0-9].*", "model.layers.17.mlp.up_proj.weight"));
  EXPECT_TRUE(MatchesGlob("[!a-c]*[x-z]", "dz"));
  EXPECT_FALSE(MatchesGlob("[!a-c]*[x-z]", "bz"));
}

}  // namespace
}  // namespace hlm
