// What names are compared by: capitals, and patterns of names.
#include <gtest/gtest.h>

#include <string_view>

#include "core/base/ascii.h"

namespace hlm {
namespace {

TEST(SameWord, LooksThroughCapitalsOfAsciiAlone) {
  EXPECT_TRUE(SameWord("PhiMoEForCausalLM", "PhimoeForCausalLM"));
  EXPECT_FALSE(SameWord("Phi", "Phi3"));
  EXPECT_FALSE(SameWord("\xc3\x84", "\xc3\xa4"));  // a letter that is not ASCII is the bytes that it is
  EXPECT_EQ(AsciiLower(std::string_view("Model-[@].BIN\xc3\x84")), "model-[@].bin\xc3\x84");
}

}  // namespace
}  // namespace hlm
