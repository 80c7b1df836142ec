// horizon generate.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

Result Generate(const Words& more) {
  Words words = {"generate", "--config", SmallConfig(), "--compute", "f32"};
  words.insert(words.end(), more.begin(), more.end());
  const Result result = Horizon(words);
  EXPECT_EQ(result.status, 0) << result.err;
  return result;
}

std::vector<int64_t> Ids(const Words& more) {
  Words words = more;
  words.push_back("--json");
  const Result result = Generate(words);
  return result.status == 0 ? result.Lines().back()["ids"].get<std::vector<int64_t>>() : std::vector<int64_t>();
}

TEST(GenerateTest, DefaultsAreGreedyAnd64Ids) {
  const std::vector<int64_t> ids = Ids({"--prompt", "abc"});
  EXPECT_EQ(ids.size(), 64u);
  for (const int64_t id : ids) {
    EXPECT_GE(id, 0);
    EXPECT_LT(id, kSmallVocabulary);
  }
  EXPECT_EQ(ids, Ids({"--prompt", "abc", "--max-new-tokens", "64", "--seed", "9"})) << "the seed is for draws alone";
}

TEST(GenerateTest, TextAndIdsAreTheSamePrompt) {
  EXPECT_EQ(Ids({"--prompt", "abc", "--max-new-tokens", "8"}),
            Ids({"--prompt-ids", WriteStream("prompt.npy", {97, 98, 99}, "<u2"), "--max-new-tokens", "8"}));
  for (const char* written : {"97,98,99", "[97, 98, 99]", " 97 98 99"}) {
    EXPECT_EQ(Ids({"--prompt", "abc", "--max-new-tokens", "8"}), Ids({"--prompt-ids", written, "--max-new-tokens", "8"}))
        << written;
  }
}

// The prefix is computed anew for each id, so a longer prompt that holds the ids made so far goes on the same way.
TEST(GenerateTest, GoesOnFromItsOwnIds) {
  const std::vector<int64_t> ids = Ids({"--prompt", "abc", "--max-new-tokens", "6"});
  ASSERT_EQ(ids.size(), 6u);
  const std::string prompt = WriteStream("more.npy", {97, 98, 99, ids[0], ids[1], ids[2]});
  EXPECT_EQ(Ids({"--prompt-ids", prompt, "--max-new-tokens", "3"}), std::vector<int64_t>(ids.begin() + 3, ids.end()));
}

TEST(GenerateTest, DrawsDependOnTheSeedAlone) {
  const Words warm = {"--prompt", "abc", "--max-new-tokens", "24", "--temperature", "1"};
  const auto with = [&warm](const Words& more) {
    Words words = warm;
    words.insert(words.end(), more.begin(), more.end());
    return Ids(words);
  };
  const std::vector<int64_t> seed_0 = with({});
  EXPECT_EQ(seed_0, with({"--seed", "0"}));
  EXPECT_NE(seed_0, with({"--seed", "1"}));
  EXPECT_EQ(with({"--top-k", "1"}), Ids({"--prompt", "abc", "--max-new-tokens", "24"})) << "of one candidate the likeliest";
}

TEST(GenerateTest, PrintsPromptAndContinuationAndSaysHowItWorks) {
  const Result result = Generate({"--prompt", "abc", "--max-new-tokens", "4"});
  const std::vector<int64_t> ids = Ids({"--prompt", "abc", "--max-new-tokens", "4"});
  EXPECT_EQ(result.out, "abc" + std::string(ids.begin(), ids.end()) + "\n");
  EXPECT_NE(result.err.find("prefix is computed again"), std::string::npos);
}

}  // namespace
}  // namespace horizon_test
