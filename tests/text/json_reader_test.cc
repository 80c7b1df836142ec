// The pull reader against nlohmann's parser: the same texts are JSON, and their values are the same.
#include "core/io/json_reader.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>

#include "core/base/error.h"

namespace hlm {
namespace {

using Json = nlohmann::json;

Json ReadValue(JsonReader& reader) {
  switch (reader.Peek()) {
    case '{': {
      Json object = Json::object();
      std::string_view key;
      for (reader.BeginObject(); reader.NextKey(key);) {
        const std::string name(key);
        object[name] = ReadValue(reader);
      }
      return object;
    }
    case '[': {
      Json array = Json::array();
      for (reader.BeginArray(); reader.NextItem();) array.push_back(ReadValue(reader));
      return array;
    }
    case '"':
      return std::string(reader.String());
    case 'n':
      reader.TakeNull();
      return nullptr;
    default:
      return reader.Number();
  }
}

std::optional<Json> Read(const std::string& text) {
  try {
    JsonReader reader(text, "t");
    Json value = ReadValue(reader);
    reader.End();
    return value;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<Json> Reference(const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

TEST(JsonReaderTest, ReadsWhatNlohmannReads) {
  for (const char* text : {R"({"a": [1, -2.5e3, "x", null, {}], "b": []})",
                           R"("\u00e9\ud83d\ude00\n\t\"\\\/\b\f\r")",
                           R"(  [ ] )",
                           R"({"a":1,"a":2})",
                           R"("\ud800")",
                           R"("\udc00")",
                           R"("\ud800\u0041")",
                           R"("\u12")",
                           R"("\x")",
                           "\"a\nb\"",
                           "[1,]",
                           "[,1]",
                           "{\"a\" 1}",
                           "{\"a\":1,}",
                           "[1 2]",
                           "\"",
                           "[",
                           "{",
                           "nul",
                           "[1]x",
                           "\"\xff\"",
                           "-",
                           "[1}",
                           "{]"}) {
    EXPECT_EQ(Read(text), Reference(text)) << text;
  }
}

TEST(JsonReaderTest, MutatedTextsAreReadAlike) {
  const std::string base =
      R"({"model": {"vocab": {"a": 0, "\u0120b": 1, "\"": 2}, "merges": [["a", "b"], "a c"], "unk": null}, "n": [0.5, -1]})";
  std::mt19937 random(3);
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = base;
    for (size_t change = 1 + below(3); change > 0; --change) {
      const size_t at = below(text.size());
      constexpr char kChars[] = "{}[]\",:\\ un0-";
      switch (below(3)) {
        case 0:
          text[at] = kChars[below(sizeof(kChars) - 1)];
          break;
        case 1:
          text.erase(at, 1 + below(3));
          break;
        default:
          text.insert(at, 1, kChars[below(sizeof(kChars) - 1)]);
          break;
      }
      if (text.empty()) break;
    }
    const std::optional<Json> own = Read(text), reference = Reference(text);
    // Numbers such as 01 and 1. are no JSON; what reads tokenizers takes them as from_chars does, and nothing depends on it.
    if (own && !reference) {
      bool number = false;
      for (const char* odd : {"00", "01", "0u", "-0", "0n", "5-", "0-", "1-"}) number |= text.find(odd) != std::string::npos;
      EXPECT_TRUE(number) << text;
      continue;
    }
    EXPECT_EQ(own, reference) << text;
    read += own.has_value();
  }
  EXPECT_GT(read, 100);
}

TEST(JsonReaderTest, RawStepsOverOneValue) {
  const std::string text = R"({"a": [1, {"b": "]}"}], "c": "x\"y", "d": -1.5, "e": true})";
  JsonReader reader(text, "t");
  std::string_view key;
  std::vector<std::string> values;
  for (reader.BeginObject(); reader.NextKey(key);) values.emplace_back(reader.Raw());
  reader.End();
  EXPECT_EQ(values, (std::vector<std::string>{R"([1, {"b": "]}"}])", R"("x\"y")", "-1.5", "true"}));
}

}  // namespace
}  // namespace hlm
