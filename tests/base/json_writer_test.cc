// What JsonWriter writes, read and written by another implementation of JSON (nlohmann's).
#include "core/io/json_writer.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace hlm {
namespace {

using Json = nlohmann::ordered_json;

std::string Compact(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

template <class T>
std::string Written(const T& value) {
  return JsonWriter().Value(value).Take();
}

// One of everything, nested, with empty objects and arrays in every place.
void WriteSample(JsonWriter& json) {
  json.BeginObject();
  json.Member("name", "a \"b\"").Member("count", 3).Member("least", std::numeric_limits<int64_t>::min());
  json.Member("most", std::numeric_limits<uint64_t>::max()).Member("share", 0.25).Member("on", true).Key("none").Null();
  json.Key("nothing").BeginObject().EndObject();
  json.Key("list").BeginArray();
  json.Value(1).BeginArray().EndArray().BeginObject().Member("x", std::vector<int64_t>{1, 2}).EndObject();
  json.EndArray();
  json.Member("names", std::vector<std::string>{"p", "q"}).Member("empty", std::vector<int>{});
  json.EndObject();
}

Json Sample() {
  return {{"name", "a \"b\""},
          {"count", 3},
          {"least", std::numeric_limits<int64_t>::min()},
          {"most", std::numeric_limits<uint64_t>::max()},
          {"share", 0.25},
          {"on", true},
          {"none", nullptr},
          {"nothing", Json::object()},
          {"list", {1, Json::array(), {{"x", {1, 2}}}}},
          {"names", {"p", "q"}},
          {"empty", Json::array()}};
}

TEST(JsonWriter, BothStylesAreThoseOfAnotherImplementation) {
  JsonWriter line, indented(JsonWriter::Style::kIndented);
  WriteSample(line);
  WriteSample(indented);
  EXPECT_EQ(line.text(), Sample().dump());
  EXPECT_EQ(indented.text(), Sample().dump(2));
}

TEST(JsonWriter, AValueMayStandAlone) {
  EXPECT_EQ(Written("x"), "\"x\"");
  EXPECT_EQ(Written(-7), "-7");
  EXPECT_EQ(JsonWriter(JsonWriter::Style::kIndented).BeginArray().EndArray().Take(), "[]");
}

TEST(JsonWriter, EveryCharacterIsEscapedAsItMustBe) {
  for (int c = 0; c < 0x80; ++c) {
    const std::string text = {'a', static_cast<char>(c), 'b'};
    EXPECT_EQ(Written(text), Compact(text)) << c;
    EXPECT_EQ(Json::parse(Written(text)), text) << c;
  }
  for (const char* text : {"ä", "日本", "😀", "\x7f", "\u2028"}) EXPECT_EQ(Written(text), Compact(text));
}

// Overlong forms, surrogates, lone and missing continuations, bytes that are never legal.
TEST(JsonWriter, WhatIsNoUtf8BecomesTheReplacementCharacter) {
  for (const char* text :
       {"\xff", "a\x80z", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "x\xf0\x9f\x98", "\xc3("}) {
    const std::string written = Written(text);
    const Json read = Json::parse(written);  // throws where it is no UTF-8
    EXPECT_NE(read.get<std::string>().find("\xef\xbf\xbd"), std::string::npos);
  }
  EXPECT_EQ(Written("a\xff(z"), "\"a\xef\xbf\xbd(z\"") << "what is legal beside it stays";
}

TEST(JsonWriter, DoublesReadBackAsTheSameBits) {
  std::mt19937_64 random(1);
  std::vector<double> values = {0.0,
                                -0.0,
                                1,
                                -1,
                                0.1,
                                1.0 / 3,
                                1e-4,
                                9.999e-5,
                                1e15,
                                999999999999999.0,
                                1e22,
                                1e-6,
                                10000,
                                123456.75,
                                std::numeric_limits<double>::min(),
                                std::numeric_limits<double>::denorm_min(),
                                std::numeric_limits<double>::max(),
                                -2.2250738585072011e-308,
                                std::nextafter(1.0, 2.0)};
  while (values.size() < 20000) {
    const double any = std::bit_cast<double>(random());
    if (std::isfinite(any)) values.push_back(any);
  }
  for (const double value : values) {
    const std::string text = Written(value);
    const Json read = Json::parse(text);
    ASSERT_TRUE(read.is_number_float()) << text;
    ASSERT_EQ(std::bit_cast<uint64_t>(read.get<double>()), std::bit_cast<uint64_t>(value)) << text;
    ASSERT_LE(text.size(), Compact(value).size()) << text;  // nlohmann's is nearly always the shortest
  }
  EXPECT_EQ(Written(0.05), "0.05");
  EXPECT_EQ(Written(10000.0), "10000.0");
  EXPECT_EQ(Written(1e-6), "1e-06");
  EXPECT_EQ(Written(5e20), "5e+20");
}

TEST(JsonWriter, WhatIsNotFiniteIsNull) {
  for (const double value : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), std::nan("")}) {
    EXPECT_EQ(JsonWriter().BeginObject().Member("x", value).EndObject().Take(), "{\"x\":null}");
  }
}

TEST(JsonWriter, IntegersAreExact) {
  for (const int64_t value :
       {std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{0}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(Written(value), std::to_string(value));
  }
  EXPECT_EQ(Written(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(Written(int8_t{-5}), "-5");
}

}  // namespace
}  // namespace hlm
