// Folders with tokenizer.model, or vocab.json and merges.txt: ids and texts as transformers makes them
// (tools/goldens/tokenizers/make_folder_goldens.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/text/folder.h"
#include "tests/text/support.h"

namespace hlm {
namespace {

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& [name, golden] : FolderGoldens().at("cases").items()) names.push_back(name);
  return names;
}

class FolderGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(FolderGoldenTest, IdsAndTextsAreTransformers) {
  const Json& golden = FolderGoldens().at("cases").at(GetParam());
  const std::string folder = WriteGoldenFolder(GetParam());
  const auto tokenizer = Tokenizer::Open(folder);
  int compared = 0;
  for (const Json& one : golden.at("texts")) {
    SCOPED_TRACE(one.at(0).dump());
    const Ids expected = one.at(1).get<Ids>();
    EXPECT_EQ(tokenizer->Encode(one.at(0).get<std::string>()).ids, expected);
    EXPECT_EQ(tokenizer->Decode(expected, false), one.at(2).get<std::string>());
    EXPECT_EQ(tokenizer->Decode(expected, true), one.at(3).get<std::string>());
    ++compared;
  }
  EXPECT_GE(compared, 40);
  for (const auto& [role, token] : golden.at("special").items()) {
    const auto own = tokenizer->Special(role);
    ASSERT_TRUE(own.has_value()) << role;
    EXPECT_EQ(*own, token.get<std::string>()) << role;
  }
  const size_t roles =
      static_cast<size_t>(std::count_if(tokenizer->special_tokens().begin(), tokenizer->special_tokens().end(),
                                        [](const SpecialToken& token) { return token.role != "additional_special_tokens"; }));
  EXPECT_EQ(roles, golden.at("special").size());
}

INSTANTIATE_TEST_SUITE_P(Cases, FolderGoldenTest, testing::ValuesIn(Names()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace hlm
