// Ids and texts as Hugging Face's tokenizers makes them (tools/goldens/tokenizers/make_goldens.py), for tokenizers in every combination of
// components that open models use.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/text/support.h"

namespace hlm {
namespace {

const Json& Goldens() {
  static const Json goldens = [] {
    std::ifstream file("tests/text/goldens/tokenizers.json");
    std::stringstream text;
    text << file.rdbuf();
    return Json::parse(text.str());
  }();
  return goldens;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& [name, golden] : Goldens().at("cases").items()) names.push_back(name);
  return names;
}

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, IsWhatHuggingFaceMakes) {
  const Json& golden = Goldens().at("cases").at(GetParam());
  Json json = golden.at("tokenizer");
  Json model = Goldens().at("models").at(golden.at("model").get<std::string>());
  for (const auto& [name, value] : json.at("model").items()) model[name] = value;
  json["model"] = model;
  const auto tokenizer = Parse(json);
  int compared = 0;
  for (const Json& one : golden.at("texts")) {
    const std::string text = one.at(0).get<std::string>();
    const Ids expected = one.at(1).get<Ids>();
    SCOPED_TRACE(one.at(0).dump());
    EncodeOptions options;
    const Encoding encoding = tokenizer->Encode(text, options);
    EXPECT_EQ(encoding.ids, expected);
    options.offsets = true;
    const Encoding located = tokenizer->Encode(text, options);
    EXPECT_EQ(located.ids, expected) << "asking for offsets changes ids";
    ASSERT_EQ(located.offsets.size(), located.ids.size());
    for (const ByteSpan& span : located.offsets) {
      EXPECT_LE(0, span.begin);
      EXPECT_LE(span.begin, span.end);
      EXPECT_LE(span.end, static_cast<int64_t>(text.size()));
    }
    EXPECT_EQ(tokenizer->Decode(expected, false), one.at(2).get<std::string>());
    EXPECT_EQ(tokenizer->Decode(expected, true), one.at(3).get<std::string>());
    StreamDecoder decoder(tokenizer, false);
    std::string streamed;
    for (const int32_t id : expected) streamed += decoder.Push(id);
    EXPECT_EQ(streamed + decoder.Finish(), one.at(2).get<std::string>());
    ++compared;
  }
  EXPECT_GT(compared, 20);
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTest, testing::ValuesIn(Names()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace hlm
