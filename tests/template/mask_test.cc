// From trained bytes to trained tokens.
#include "core/text/template/mask.h"

#include <gtest/gtest.h>

#include <random>

namespace hlm {
namespace {

using Mask = std::vector<uint8_t>;

TEST(TokenMask, TokensThatOverlapAreTrained) {
  const std::vector<Span> tokens = {{0, 3}, {3, 5}, {5, 9}, {9, 9}, {9, 10}};
  EXPECT_EQ(TokenMask(tokens, std::vector<Span>{{3, 5}}), (Mask{0, 1, 0, 0, 0}));
  EXPECT_EQ(TokenMask(tokens, std::vector<Span>{{4, 6}}), (Mask{0, 1, 1, 0, 0}));
  EXPECT_EQ(TokenMask(tokens, std::vector<Span>{{0, 10}}), (Mask{1, 1, 1, 0, 1}));
  EXPECT_EQ(TokenMask(tokens, std::vector<Span>{}), (Mask{0, 0, 0, 0, 0}));
  EXPECT_EQ(TokenMask(tokens, std::vector<Span>{{10, 20}}), (Mask{0, 0, 0, 0, 0}));
  EXPECT_EQ(TokenMask({}, std::vector<Span>{{0, 1}}), Mask{});
}

// A character over several tokens: all of them say the same bytes.
TEST(TokenMask, TokensMayShareBytes) {
  const std::vector<Span> tokens = {{0, 1}, {1, 5}, {1, 5}, {1, 5}, {5, 6}};
  EXPECT_EQ(TokenMask(tokens, std::vector<Span>{{1, 5}}), (Mask{0, 1, 1, 1, 0}));
}

TEST(TokenMask, EqualsAPlainDoubleLoop) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Span> tokens, trained;
    int64_t at = 0;
    for (int i = 0; i < 20; ++i) {
      const int64_t begin = at + static_cast<int64_t>(random() % 2), end = begin + static_cast<int64_t>(random() % 4);
      tokens.push_back({begin, end});
      at = end;
    }
    for (int64_t begin = static_cast<int64_t>(random() % 5); begin < at;) {
      const int64_t end = begin + 1 + static_cast<int64_t>(random() % 7);
      trained.push_back({begin, end});
      begin = end + static_cast<int64_t>(random() % 6);
    }
    Mask expected(tokens.size());
    for (size_t t = 0; t < tokens.size(); ++t) {
      for (int64_t byte = tokens[t].begin; byte < tokens[t].end; ++byte) {
        for (const Span& span : trained) expected[t] |= byte >= span.begin && byte < span.end;
      }
    }
    EXPECT_EQ(TokenMask(tokens, trained), expected);
  }
}

TEST(SpansWithoutStop, AreThoseThatEndInAnotherToken) {
  const std::vector<Span> tokens = {{0, 3}, {3, 5}, {5, 9}, {9, 12}};
  const std::vector<uint8_t> added = {0, 1, 0, 1};
  EXPECT_EQ(SpansWithoutStop(tokens, added, std::vector<Span>{{0, 5}, {5, 12}}), std::vector<size_t>{});
  EXPECT_EQ(SpansWithoutStop(tokens, added, std::vector<Span>{{0, 3}, {5, 12}}), std::vector<size_t>{0});
  EXPECT_EQ(SpansWithoutStop(tokens, added, std::vector<Span>{{0, 5}, {20, 22}}), std::vector<size_t>{1});  // cut off
}

}  // namespace
}  // namespace hlm
