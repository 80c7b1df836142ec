// Files that are damaged, hostile or ask for what is not there: refused in one line that says what and where.
#include <gtest/gtest.h>

#include <string>

#include "tests/text/support.h"

namespace hlm {
namespace {

TEST(BadTokenizerTest, WhatIsNotKnownIsRefusedByName) {
  const auto with = [](const char* member, const Json& value) {
    Json json = LetterTokenizer();
    json[member] = value;
    return json;
  };
  ExpectOpenError(with("normalizer", {{"type", "Transliterate"}}), "UNIMPLEMENTED", {"normalizer", "Transliterate"});
  ExpectOpenError(with("pre_tokenizer", {{"type", "UnicodeScripts"}}), "UNIMPLEMENTED", {"pre_tokenizer", "UnicodeScripts"});
  ExpectOpenError(with("post_processor", {{"type", "Odd"}}), "UNIMPLEMENTED", {"post_processor", "Odd"});
  ExpectOpenError(with("decoder", {{"type", "CTC"}}), "UNIMPLEMENTED", {"decoder", "CTC"});
  ExpectOpenError(with("model", {{"type", "Neural"}}), "UNIMPLEMENTED", {"model", "Neural"});
  ExpectOpenError(with("normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}, {{"type", "Odd"}}}}}),
                  "UNIMPLEMENTED", {"normalizer[1]", "Odd"});
  Json json = LetterTokenizer();
  json["model"]["dropout"] = 0.1;
  ExpectOpenError(json, "UNIMPLEMENTED", {"dropout", "0.1"});
  for (const Json& none : {Json(nullptr), Json(0), Json(0.0)}) {
    json["model"]["dropout"] = none;
    EXPECT_EQ(OpenError(json.dump()), "");
  }
}

TEST(BadTokenizerTest, VocabulariesAreChecked) {
  const auto vocab = [](const char* token, const Json& id) {
    Json json = LetterTokenizer();
    json["model"]["vocab"][token] = id;
    return json;
  };
  ExpectOpenError(vocab("x", 2), "INVALID_ARGUMENT", {"\"c\"", "\"x\"", "same id 2"});
  ExpectOpenError(vocab("x", -1), "INVALID_ARGUMENT", {"\"x\"", "-1"});
  ExpectOpenError(vocab("x", int64_t{1} << 32), "INVALID_ARGUMENT", {"\"x\"", "4294967296"});
  ExpectOpenError(vocab("x", "1"), "INVALID_ARGUMENT", {"vocab", "whole number"});
  ExpectOpenError(vocab("x", 1.5), "INVALID_ARGUMENT", {"vocab", "whole number"});
  EXPECT_EQ(OpenError(vocab("x", 5000).dump()), "") << "ids may have holes";
}

TEST(BadTokenizerTest, MergesAreChecked) {
  const auto merge = [](const Json& one) {
    Json json = LetterTokenizer();
    json["model"]["merges"].push_back(one);
    return json;
  };
  ExpectOpenError(merge("a x"), "INVALID_ARGUMENT", {"merge", "\"x\"", "not in the vocabulary"});
  ExpectOpenError(merge("c d"), "INVALID_ARGUMENT", {"merge", "\"cd\"", "not in the vocabulary"});
  ExpectOpenError(merge("ab"), "INVALID_ARGUMENT", {"\"ab\"", "two tokens"});
  ExpectOpenError(merge("a b c"), "INVALID_ARGUMENT", {"two tokens"});
  ExpectOpenError(merge({"a"}), "INVALID_ARGUMENT", {"less than two"});
  ExpectOpenError(merge({"a", "b", "c"}), "INVALID_ARGUMENT", {"more than two"});
  ExpectOpenError(merge(7), "INVALID_ARGUMENT", {"merges"});
  EXPECT_EQ(OpenError(merge({"a", "b"}).dump()), "");
  EXPECT_EQ(OpenError(merge("#version: 0.2").dump()), "");
}

TEST(BadTokenizerTest, PatternsAreChecked) {
  const auto split = [](const std::string& pattern) {
    Json json = LetterTokenizer();
    json["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}};
    return json;
  };
  ExpectOpenError(split("(a"), "INVALID_ARGUMENT", {"(a"});
  ExpectOpenError(split("[a"), "INVALID_ARGUMENT", {"[a"});
  ExpectOpenError(split("a\\"), "INVALID_ARGUMENT", {"backslash"});
  ExpectOpenError(split("\\p{Nonsense}"), "INVALID_ARGUMENT", {"Nonsense"});
  ExpectOpenError(split(std::string(300, '(') + std::string(300, ')')), "INVALID_ARGUMENT", {"deeper"});
  ExpectOpenError(split(std::string(300, '[')), "INVALID_ARGUMENT", {"pattern"});
  ExpectOpenError(split(std::string(100'000, 'a')), "INVALID_ARGUMENT", {"100000"});
  ExpectOpenError(split("(?(1)a|b)"), "UNIMPLEMENTED", {"conditions"});
  ExpectOpenError(split("[a\\W]"), "UNIMPLEMENTED", {"\\W in a class"});
  ExpectOpenError(split("[a\\H]"), "UNIMPLEMENTED", {"\\H in a class"});
  ExpectOpenError(split("[a[^b]]"), "UNIMPLEMENTED", {"a union with a negated class"});
  ExpectOpenError(split("[a&&]"), "INVALID_ARGUMENT", {"an empty side of &&"});
  ExpectOpenError(split("\\pL"), "INVALID_ARGUMENT", {"\\p without {...}"});
  Json json = split("a");
  json["pre_tokenizer"]["behavior"] = "Sideways";
  ExpectOpenError(json, "UNIMPLEMENTED", {"Sideways"});
}

TEST(BadTokenizerTest, OtherPartsAreChecked) {
  Json json = LetterTokenizer();
  json["added_tokens"] = {Added("<s>", -4, true)};
  ExpectOpenError(json, "INVALID_ARGUMENT", {"added_tokens[0]", "-4"});
  json["added_tokens"] = {{{"id", 9}}};
  ExpectOpenError(json, "INVALID_ARGUMENT", {"added_tokens[0]", "content"});
  json = LetterTokenizer();
  json["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", {{{"SpecialToken", {{"id", "<s>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
                            {"special_tokens", Json::object()}};
  ExpectOpenError(json, "INVALID_ARGUMENT", {"special_tokens", "<s>"});
  json = LetterTokenizer();
  json["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "////////"}};
  ExpectOpenError(json, "INVALID_ARGUMENT", {"precompiled_charsmap"});
  json["normalizer"]["precompiled_charsmap"] = "AA*=";
  ExpectOpenError(json, "INVALID_ARGUMENT", {"precompiled_charsmap is not base64"});
  json["normalizer"]["precompiled_charsmap"] = "AAA=";
  ExpectOpenError(json, "INVALID_ARGUMENT", {"precompiled_charsmap has 2 bytes"});
}

TEST(BadTokenizerTest, PiecesAreChecked) {
  const auto unigram = [](const Json& pieces, const Json& unknown = 0) {
    return Json{{"model", {{"type", "Unigram"}, {"unk_id", unknown}, {"vocab", pieces}}}};
  };
  const Json piece = Json::array({"a", -1.0});
  EXPECT_EQ(OpenError(unigram(Json::array({piece})).dump()), "");
  ExpectOpenError(unigram(Json::array({piece}), 7), "INVALID_ARGUMENT", {"unk_id is 7", "1 piece"});
  ExpectOpenError(unigram(Json::array({piece, Json::array()})), "INVALID_ARGUMENT", {"vocab", "a piece without a text"});
  ExpectOpenError(unigram(Json::array({piece, Json::array({"b"})})), "INVALID_ARGUMENT", {"vocab", "a piece without a score"});
  ExpectOpenError(unigram(Json::array({piece, Json::array({"b", -1.0, 2})})), "INVALID_ARGUMENT",
                  {"more than a text and a score"});
  ExpectOpenError(unigram(Json::array({piece, piece})), "INVALID_ARGUMENT", {"the token \"a\" appears twice"});
}

TEST(BadTokenizerTest, DecodersAndTemplatesThatWouldMeanSomethingElse) {
  Json json = LetterTokenizer();
  for (const char* type : {"ByteFallback", "BPEDecoder"}) {
    json["decoder"] = {{"type", "Sequence"}, {"decoders", {{{"type", "Fuse"}}, {{"type", type}, {"suffix", "</w>"}}}}};
    ExpectOpenError(json, "UNIMPLEMENTED", {"decoder[1]", type, "behind a decoder that joins all tokens"});
  }
  json = LetterTokenizer();
  const Json a = {{"Sequence", {{"id", "A"}}}}, b = {{"Sequence", {{"id", "B"}}}};
  const auto single = [&](const Json& items) {
    json["post_processor"] = {{"type", "TemplateProcessing"}, {"single", items}, {"special_tokens", Json::object()}};
    return json;
  };
  EXPECT_EQ(OpenError(single(Json::array({a})).dump()), "");
  ExpectOpenError(single(Json::array({a, a})), "UNIMPLEMENTED", {"post_processor", "more than A, once"});
  ExpectOpenError(single(Json::array({b})), "UNIMPLEMENTED", {"post_processor", "more than A, once"});
  ExpectOpenError(single(Json::array()), "UNIMPLEMENTED", {"post_processor", "without A"});
  ExpectOpenError(single(Json::array({3})), "INVALID_ARGUMENT", {"neither SpecialToken nor Sequence"});
}

TEST(BadTokenizerTest, TextsThatAreNoTokenizer) {
  EXPECT_NE(OpenError(""), "");
  EXPECT_NE(OpenError("[]"), "");
  EXPECT_NE(OpenError("{}").find("model"), std::string::npos);
  EXPECT_NE(OpenError("{\"model\": \"\xff\"}").find("UTF-8"), std::string::npos);
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "[";
  EXPECT_NE(OpenError("{\"model\": " + deep).find("deep"), std::string::npos);
  EXPECT_NE(OpenError("{\"padding\": " + deep).find("deep"), std::string::npos);
}

// Every beginning of a file is refused, and none is read as something else.
TEST(BadTokenizerTest, TruncatedFilesAreRefused) {
  Json json = LetterTokenizer();
  json["normalizer"] = {{"type", "NFC"}};
  json["added_tokens"] = {Added("<s>", 9, true)};
  const std::string text = json.dump();
  for (size_t length = 0; length < text.size(); ++length) {
    const std::string error = OpenError(text.substr(0, length));
    EXPECT_TRUE(error.starts_with("INVALID_ARGUMENT: t")) << length << ": " << error;
  }
  EXPECT_EQ(OpenError(text), "");
  EXPECT_EQ(OpenError("\xef\xbb\xbf" + text), "") << "a BOM is passed over";
}

}  // namespace
}  // namespace hlm
