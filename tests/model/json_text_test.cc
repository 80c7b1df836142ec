// JSON text as values: what is read, what is refused, and that it is read as another implementation reads it.
#include "core/io/json_text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "tests/model/test_folder.h"

namespace hlm {
namespace {

JsonValue Parse(const std::string& text, bool unique_keys = false) { return ParseJson(text, "x.json", unique_keys); }

std::string WrittenAgain(const std::string& text) {
  JsonWriter json;
  Parse(text).Write(json);
  return json.Take();
}

void ExpectRefused(const std::string& text, const std::vector<std::string>& fragments = {"not valid JSON at byte"}) {
  std::vector<std::string> all = fragments;
  all.push_back("x.json: ");
  SCOPED_TRACE(text.substr(0, 100));
  ExpectError(Code::kInvalidArgument, all, [&] { Parse(text); });
}

std::string Nested(const std::string& open, const std::string& inside, const std::string& close, int times) {
  std::string text = inside;
  for (int i = 0; i < times; ++i) text = open + text + close;
  return text;
}

TEST(JsonText, ReadsWhatAnotherImplementationReads) {
  for (const char* text : {"null",
                           "true",
                           "false",
                           "0",
                           "-0",
                           "17",
                           "-17",
                           "2.5",
                           "-0.0",
                           "1e3",
                           "1E-7",
                           "9223372036854775807",
                           "9223372036854775808",
                           "-9223372036854775808",
                           "18446744073709551615",
                           "\"\"",
                           R"("a\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00")",
                           "\"\\u0000\"",
                           "\"é日😀\"",
                           "[]",
                           "[1, [2, [3]], {}]",
                           "{}",
                           R"({"z": 1, "a": {"y": [null, true, "t"], "b": -1.5e-300}, "": {}})",
                           " \t\r\n[ 1 ,2 ]\n\n",
                           R"({"a": 1, "b": 2, "a": {"c": 3}})",
                           R"({"a": 1, "b": 2, "a": 3, "b": 4, "c": {"d": [], "d": {"e": 1, "e": 2}}})"}) {
    EXPECT_EQ(WrittenAgain(text), Json::parse(text).dump()) << text;
  }
}

TEST(JsonText, NumbersKeepTheirKindAndValue) {
  EXPECT_EQ(Parse("9223372036854775807").Int(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Parse("-9223372036854775808").Int(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Parse("9223372036854775808").Int(), std::nullopt);
  EXPECT_TRUE(Parse("9223372036854775808").IsWhole());
  EXPECT_TRUE(Parse("1").IsUnsigned());
  EXPECT_FALSE(Parse("-1").IsUnsigned());
  EXPECT_FALSE(Parse("1.0").IsWhole());
  EXPECT_EQ(Parse("1.0").Number(), 1.0);
  EXPECT_EQ(Parse("-3").Number(), -3.0);
  EXPECT_FALSE(Parse("\"1\"").IsNumber());
  EXPECT_FALSE(Parse("true").IsNumber());
}

TEST(JsonText, MembersAreFoundAndSet) {
  JsonValue value = Parse(R"({"b": 1, "a": [true]})");
  ASSERT_NE(value.Find("a"), nullptr);
  EXPECT_TRUE(value.Find("a")->Items()[0].Bool());
  EXPECT_EQ(value.Find("c"), nullptr);
  EXPECT_EQ(value.Find("a")->Find("b"), nullptr) << "no object";
  value.Set("b", JsonValue(std::string("new")));
  value.Set("c", JsonValue());
  JsonWriter json;
  value.Write(json);
  EXPECT_EQ(json.text(), R"({"b":"new","a":[true],"c":null})");
  EXPECT_TRUE(value.Find("b")->IsText("new"));
}

TEST(JsonText, WhatIsNoJson) {
  for (const char* text :
       {"",         " ",          "{",           "}",      "[",        "[1",           "[1,]", "[,1]",    "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{1:2}",       "{a:1}",  "'a'",      "tru",          "nul",  "00",      "01",
        "-",        "+1",         "1.",          ".5",     "1e",       "0x1",          "nan",  "Infinit", "\"",
        "\"\\x\"",  "\"\\u12\"",  "\"\\ud800\"", "\"\n\"", "\"\xff\"", "\"\xc0\x80\"", "1 2",  "{} {}",   "{}x",
        "[]]",      "// c\n1",    "/* c */1"}) {
    ExpectRefused(text);
  }
  for (const char* text : {"NaNa", "-NaN", "+Infinity", "[NaN Infinity]", "{NaN: 1}", "[1, -1e400", "{\"a\\ud83d\": NaN}"})
    ExpectRefused(text);
}

// What Python's json writes beside JSON is kept as it was written, at its place among the others.
TEST(JsonText, NumbersThatAValueCannotHoldAreLiterals) {
  for (const char* text :
       {"NaN", "-Infinity", "1e999", "[1,NaN,\"NaN\",2.5,Infinity,-1e400,3]", "{\"a\":{\"b\":NaN},\"c\":[Infinity]}",
        "1000000000000000019884624838656", "[-9223372036854775809,18446744073709551616,1]", "[\"1e999 \\\\\\\" NaN\",NaN]"}) {
    EXPECT_EQ(WrittenAgain(text), text);
  }
  EXPECT_EQ(WrittenAgain(std::string(400, '9')), std::string(400, '9'));
  for (const char* text : {"NaN", "1e999", "-Infinity"}) {
    const JsonValue value = Parse(text);
    EXPECT_FALSE(value.IsNumber()) << text;
    EXPECT_EQ(value.Int(), std::nullopt);
    EXPECT_STREQ(value.KindName(), "number that is not finite");
  }
  const JsonValue large = Parse("1000000000000000019884624838656");
  EXPECT_TRUE(large.IsNumber());
  EXPECT_EQ(large.Number(), 1e30);
  EXPECT_FALSE(large.IsWhole());
  EXPECT_EQ(large.Int(), std::nullopt);
  EXPECT_STREQ(large.KindName(), "whole number of more than 64 bits");
}

TEST(JsonText, StringsOfRecordsThatJsonDoesNotAllowAreLiterals) {
  const std::string text = "{\"a\":\"x\ty\",\"b\":[\"\\ud83d\",\"\\ud83d\\ude00\",\"z\"],\"c\":NaN}";
  const JsonValue record = ParseJsonRecord(text, "x.json");
  JsonWriter json;
  record.Write(json);
  EXPECT_EQ(json.text(), "{\"a\":\"x\ty\",\"b\":[\"\\ud83d\",\"\U0001f600\",\"z\"],\"c\":NaN}");
  EXPECT_FALSE(record.Find("a")->IsString());
  EXPECT_TRUE(record.Find("b")->Items()[2].IsText("z"));
  ExpectRefused(text);
  // A name is read by whoever reads the record.
  ExpectError(Code::kInvalidArgument, {"x.json: not valid JSON at byte"}, [] { ParseJsonRecord("{\"a\tb\": 1}", "x.json"); });
}

// The text is its whole length: a NUL does not end it, and what lies behind one is not ignored.
TEST(JsonText, ANulIsNoEnd) {
  const std::string nul(1, '\0');
  ExpectRefused("{}" + nul, {"byte 3", "NUL"});
  ExpectRefused("{\"a\": 1}" + nul + "garbage", {"byte 9", "NUL"});
  ExpectRefused(nul + "{}", {"byte 1", "NUL"});
  ExpectRefused("[1," + nul + "2]", {"NUL"});
  ExpectRefused("\"a" + nul + "b\"", {"NUL"});
  ExpectRefused("{}   " + nul, {"NUL"});
  Parse("{}    ");
}

TEST(JsonText, NestingIsBounded) {
  for (const int depth : {1, kMaxJsonDepth}) {
    Parse(Nested("[", "", "]", depth));
    Parse(Nested("{\"a\":", "0", "}", depth));
  }
  ExpectRefused(Nested("[", "", "]", kMaxJsonDepth + 1), {"nested deeper than 64 levels at byte 64"});
  ExpectRefused(Nested("{\"a\":", "0", "}", kMaxJsonDepth + 1), {"nested deeper than 64"});
  ExpectRefused(std::string(1'000'000, '['), {"nested deeper than 64"});
  Parse("\"" + std::string(1'000'000, '[') + "\"");
  Parse("[\"\\\"" + std::string(100, '[') + "\"]");
}

TEST(JsonText, EqualKeysOfTheOutermostObjectAreRefusedOnDemand) {
  ExpectError(Code::kInvalidArgument, {"x.json", "the name b appears twice"},
              [] { Parse(R"({"a": 1, "b": 2, "c": 3, "b": 4})", true); });
  ExpectError(Code::kInvalidArgument, {"the name ?? appears twice"},
              [] { Parse("{\"\\n\\u0001\": 1, \"\\u000a\\u0001\": 2}", true); });
  Parse(R"({"a": {"b": 1, "b": 2}, "b": {"a": 1}})", true);
}

// In a time that grows with the text, not with its square.
TEST(JsonText, ManyKeys) {
  std::string distinct = "{", equal = "{";
  for (int i = 0; i < 300'000; ++i) {
    distinct += "\"" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    equal += "\"a\":" + std::to_string(i) + ",";
  }
  EXPECT_EQ(Parse(distinct + "\"last\":1}", true).Members().size(), 300'001u);
  const JsonValue one = Parse(equal + "\"a\":-1}");
  ASSERT_EQ(one.Members().size(), 1u);
  EXPECT_EQ(one.Find("a")->Int(), -1);
}

TEST(JsonText, NullWhereTheTextIsNoJson) {
  EXPECT_EQ(ParseJsonOrNull(R"({"a": 1})").Find("a")->Int(), 1);
  for (const std::string& text :
       {std::string(), std::string("call me"), std::string("[1,"), std::string("[1]\0", 4), Nested("[", "", "]", 65)})
    EXPECT_TRUE(ParseJsonOrNull(text).IsNull()) << text;
}

TEST(JsonText, PrintableTextIsOneLineOfUtf8) {
  EXPECT_EQ(Printable("a\nb\x7f\xff"
                      "ä"),
            "a?b??ä");
  EXPECT_EQ(Printable("abcdef", 4), "abcd...");
  EXPECT_EQ(PrintableJson(Parse(R"({"a": [1, "x\ny"]})")), R"({"a":[1,"x\ny"]})");
}

}  // namespace
}  // namespace hlm
