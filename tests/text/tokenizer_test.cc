// Encoding beyond what the goldens show: spans of somebody's input, offsets, streams, threads, long texts, the BOS rule.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/text/support.h"

namespace hlm {
namespace {

Json WithSpecials() {
  Json json = LetterTokenizer();
  json["added_tokens"] = {Added("<s>", 9, true), Added("</s>", 10, true), Added("<tool>", 11, false)};
  return json;
}

TEST(TokenizerTest, MergesTheLowestRankFirstAndOfEqualsTheLeftmost) {
  EXPECT_EQ(Encode(LetterTokenizer(), "abc"), (Ids{7}));
  EXPECT_EQ(Encode(LetterTokenizer(), "abab abcde"), (Ids{6, 6, 5, 7, 8}));
  Json json = LetterTokenizer();
  json["model"]["vocab"] = {{"a", 0}, {"aa", 1}};
  json["model"]["merges"] = {"a a"};
  EXPECT_EQ(Encode(json, "aaaaa"), (Ids{1, 1, 0}));
}

TEST(TokenizerTest, OfEqualMergesTheLastRankCounts) {
  Json json = LetterTokenizer();
  json["model"]["vocab"] = {{"a", 0}, {"b", 1}, {"c", 2}, {"ab", 3}, {"bc", 4}};
  json["model"]["merges"] = {"a b", "b c"};
  EXPECT_EQ(Encode(json, "abc"), (Ids{3, 2}));
  json["model"]["merges"] = {"a b", "b c", "a b"};
  EXPECT_EQ(Encode(json, "abc"), (Ids{0, 4}));
}

TEST(TokenizerTest, WhatIsUnknownIsDroppedOrReplaced) {
  Json json = LetterTokenizer();
  EXPECT_EQ(Encode(json, "axxb"), (Ids{6})) << "without unk_token a character is dropped, and its neighbours meet";
  json["model"]["vocab"]["?"] = 9;
  json["model"]["unk_token"] = "?";
  EXPECT_EQ(Encode(json, "axxb"), (Ids{0, 9, 9, 1}));
  json["model"]["fuse_unk"] = true;
  EXPECT_EQ(Encode(json, "axxb"), (Ids{0, 9, 1}));
  json["model"]["unk_token"] = "nowhere";
  const auto tokenizer = Parse(json);
  EXPECT_EQ(tokenizer->Encode("ab").ids, (Ids{6})) << "refused only where it is needed";
  EXPECT_THROW(tokenizer->Encode("axb"), Error);
}

// What transformers 5.24 makes of a tokenizer.json, this tokenizer_config.json and the model type of config.json: GPT-2's folder names no
// token, and its class has them. A role that is null has none; a model type whose class is the general one has none either.
TEST(TokenizerTest, ClassesHaveTokensOfTheirOwn) {
  struct Case {
    const char *config, *type, *bos, *eos, *unk, *pad;
  };
  constexpr const char* kEnd = "<|endoftext|>";
  const Case cases[] = {
      {R"({"model_max_length": 1024})", "gpt2", kEnd, kEnd, kEnd, ""},
      {R"({"model_max_length": 1024})", "gpt_neox", kEnd, kEnd, kEnd, "<|padding|>"},
      {R"({"model_max_length": 1024})", "qwen3", "", kEnd, kEnd, kEnd},
      {R"({"tokenizer_class": "GPT2Tokenizer", "eos_token": null})", "gpt2", kEnd, "", kEnd, ""},
      {R"({"tokenizer_class": "GPT2TokenizerFast", "eos_token": "</s>"})", "opt", kEnd, "</s>", kEnd, ""},
      {R"({"tokenizer_class": "GPT2Tokenizer"})", "mistral", "", "", "", ""},
      {R"({"tokenizer_class": "GPT2Tokenizer"})", "llama", kEnd, kEnd, kEnd, ""},
      {R"({"tokenizer_class": "PreTrainedTokenizerFast"})", "gpt2", "", "", "", ""},
      {R"({"tokenizer_class": "Qwen2Tokenizer", "bos_token": null, "unk_token": null})", "qwen2", "", kEnd, "", kEnd},
      {R"({"tokenizer_class": "CodeGenTokenizer"})", "phi", kEnd, kEnd, kEnd, ""},
      {R"({})", "phi", kEnd, kEnd, kEnd, ""},
      {R"({})", "qwen3_5", "", kEnd, kEnd, kEnd},
      {R"({})", "llama", "", "", "", ""},
      {R"({})", "olmo2", "", "", "", ""},
  };
  std::string folder = testing::TempDir() + "/classes-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(folder + "/" + name) << text; };
  write("tokenizer.json", R"({"added_tokens": [{"id": 0, "content": "<|endoftext|>", "special": true},
      {"id": 1, "content": "</s>", "special": true}, {"id": 2, "content": "<|padding|>", "special": true}],
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
      "model": {"type": "BPE", "vocab": {"<|endoftext|>": 0, "</s>": 1, "<|padding|>": 2}, "merges": []}})");
  for (const Case& one : cases) {
    SCOPED_TRACE(std::string(one.config) + " " + one.type);
    write("tokenizer_config.json", one.config);
    write("config.json", std::string("{\"model_type\": \"") + one.type + "\"}");
    const auto tokenizer = Tokenizer::Open(folder);
    EXPECT_EQ(tokenizer->Special("bos_token").value_or(""), one.bos);
    EXPECT_EQ(tokenizer->Special("eos_token").value_or(""), one.eos);
    EXPECT_EQ(tokenizer->Special("unk_token").value_or(""), one.unk);
    EXPECT_EQ(tokenizer->Special("pad_token").value_or(""), one.pad);
  }
  std::filesystem::remove_all(folder);
}

TEST(TokenizerTest, SpecialTokensOfSomebodysTextAreText) {
  const auto tokenizer = Parse(WithSpecials());
  const std::string text = "<s>ab<s>ab</s>";
  EXPECT_EQ(tokenizer->Encode(text).ids, (Ids{9, 6, 9, 6, 10}));
  const ByteSpan user[] = {{5, 10}};
  EncodeOptions options;
  options.plain = user;
  EXPECT_EQ(tokenizer->Encode(text, options).ids, (Ids{9, 6, 6, 10}))
      << "< s > are not in the vocabulary, so nothing of it is left";
  // A token that only reaches into the text is none either, and does not hide one behind it.
  const ByteSpan one[] = {{6, 7}};
  options.plain = one;
  EXPECT_EQ(tokenizer->Encode(text, options).ids, (Ids{9, 6, 6, 10}));
  const ByteSpan all[] = {{0, 14}};
  options.plain = all;
  EXPECT_EQ(tokenizer->Encode(text, options).ids, (Ids{6, 6}));
}

TEST(TokenizerTest, TokensThatAreNotSpecialStayOnesUnlessAsked) {
  const auto tokenizer = Parse(WithSpecials());
  const ByteSpan all[] = {{0, 7}};
  EncodeOptions options;
  options.plain = all;
  EXPECT_EQ(tokenizer->Encode("a<tool>", options).ids, (Ids{0, 11}));
  options.plain_added = true;
  EXPECT_EQ(tokenizer->Encode("a<tool>", options).ids, (Ids{0})) << "of <tool> no letter is in the vocabulary";
}

TEST(TokenizerTest, ATokenAcrossTheBorderIsNoneAndHidesNone) {
  Json json = WithSpecials();
  json["added_tokens"].push_back(Added("b<s", 12, true));
  const auto tokenizer = Parse(json);
  const std::string text = "ab<s>a";
  EXPECT_EQ(tokenizer->Encode(text).ids, (Ids{0, 12, 0}));
  const ByteSpan user[] = {{0, 2}};
  EncodeOptions options;
  options.plain = user;
  EXPECT_EQ(tokenizer->Encode(text, options).ids, (Ids{6, 9, 0})) << "the template's own <s> is found";
}

TEST(TokenizerTest, SpansOfSomebodysTextAreChecked) {
  const auto tokenizer = Parse(WithSpecials());
  const auto refused = [&](std::vector<ByteSpan> spans) {
    EncodeOptions options;
    options.plain = spans;
    try {
      tokenizer->Encode("abc", options);
    } catch (const Error& error) {
      return error.code() == Code::kInvalidArgument;
    }
    return false;
  };
  EXPECT_TRUE(refused({{-1, 1}}));
  EXPECT_TRUE(refused({{2, 1}}));
  EXPECT_TRUE(refused({{0, 4}}));
  EXPECT_TRUE(refused({{1, 2}, {0, 1}}));
  EXPECT_FALSE(refused({{0, 1}, {1, 3}}));
  EXPECT_FALSE(refused({{3, 3}}));
}

TEST(TokenizerTest, OffsetsCoverWholeCharacters) {
  Json json = {
      {"model",
       {{"type", "BPE"}, {"vocab", Json::object()}, {"merges", Json::array()}, {"byte_fallback", true}, {"unk_token", "<unk>"}}}};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", byte);
    json["model"]["vocab"][name] = byte;
  }
  json["model"]["vocab"]["a"] = 256;
  json["model"]["vocab"]["<unk>"] = 257;
  EncodeOptions options;
  options.offsets = true;
  const Encoding encoding = Parse(json)->Encode(
      "a\xc3\xa9"
      "a",
      options);
  EXPECT_EQ(encoding.ids, (Ids{256, 0xc3, 0xa9, 256}));
  EXPECT_EQ(encoding.offsets, (std::vector<ByteSpan>{{0, 1}, {1, 3}, {1, 3}, {3, 4}}));
}

TEST(TokenizerTest, OffsetsGoBackThroughNormalizers) {
  Json json = LetterTokenizer();
  json["normalizer"] = {{"type", "Sequence"},
                        {"normalizers",
                         {{{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}},
                          {{"type", "Lowercase"}},
                          {{"type", "Replace"}, {"pattern", {{"String", "xyz"}}}, {"content", "d"}}}}};
  EncodeOptions options;
  options.offsets = true;
  const Encoding encoding = Parse(json)->Encode("  ABC xyzE ", options);
  EXPECT_EQ(encoding.ids, (Ids{7, 5, 8}));
  EXPECT_EQ(encoding.offsets, (std::vector<ByteSpan>{{2, 5}, {5, 6}, {6, 10}}));
}

TEST(TokenizerTest, TextThatIsNotUtf8IsRefusedWithItsPlace) {
  const auto tokenizer = Parse(LetterTokenizer());
  for (const char* bad : {"ab\xff", "ab\xc0\x80", "ab\xed\xa0\x80", "ab\xf4\x90\x80\x80", "ab\xe4\xb8"}) {
    try {
      tokenizer->Encode(bad);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
      EXPECT_NE(error.message().find("byte 2"), std::string::npos) << error.message();
    }
  }
}

TEST(TokenizerTest, AStreamHandsOutCharactersWhenTheyAreWhole) {
  Json json = LetterTokenizer();
  json["decoder"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  json["model"]["vocab"] = {{"\u00c3", 0}, {"\u00a9", 1}, {"a", 2}, {"\u00f0", 3}};  // bytes C3, A9, 61, F0
  json["model"]["merges"] = Json::array();
  const auto tokenizer = Parse(json);
  StreamDecoder decoder(tokenizer, true);
  EXPECT_EQ(decoder.Push(2), "a");
  EXPECT_EQ(decoder.Push(0), "");
  EXPECT_EQ(decoder.Push(1), "\u00e9");
  EXPECT_EQ(decoder.Push(3), "");
  EXPECT_EQ(decoder.Push(2),
            "\ufffd"
            "a")
      << "F0 was the beginning of nothing";
  EXPECT_EQ(decoder.Push(0), "");
  EXPECT_EQ(decoder.Finish(), "\ufffd");
  EXPECT_EQ(decoder.Push(2), "a") << "as new";
}

TEST(TokenizerTest, IdsThatStandForNothingAreLeftOut) {
  const auto tokenizer = Parse(WithSpecials());
  EXPECT_EQ(tokenizer->Decode(Ids{0, -1, 99, 2147483647, 1}), "a b");
  EXPECT_EQ(tokenizer->TokenText(99), std::nullopt);
  EXPECT_EQ(tokenizer->TokenText(-1), std::nullopt);
  EXPECT_EQ(tokenizer->TokenId("abc"), 7);
  EXPECT_EQ(tokenizer->TokenId("<s>"), 9);
  EXPECT_EQ(tokenizer->TokenId("x"), std::nullopt);
  EXPECT_EQ(tokenizer->VocabSize(), 12);
  EXPECT_EQ(tokenizer->MaxId(), 11);
  EXPECT_TRUE(tokenizer->IsSpecial(9));
  EXPECT_FALSE(tokenizer->IsSpecial(11));
  EXPECT_TRUE(tokenizer->IsAdded(11));
  EXPECT_FALSE(tokenizer->IsAdded(0));
}

TEST(TokenizerTest, TheBosRuleOfTheConfigCounts) {
  const Json json = WithSpecials();
  const auto ids = [&](const Json& config) { return Parse(json, config)->Encode("ab").ids; };
  const Json tokens = {{"bos_token", "<s>"}, {"eos_token", {{"content", "</s>"}, {"lstrip", false}}}};
  const auto with = [&](Json more) {
    Json config = tokens;
    config.update(more);
    return config;
  };
  EXPECT_EQ(ids(with({{"tokenizer_class", "LlamaTokenizerFast"}, {"add_bos_token", true}, {"add_eos_token", false}})),
            (Ids{9, 6}));
  EXPECT_EQ(ids(with({{"tokenizer_class", "LlamaTokenizer"}, {"add_eos_token", true}})), (Ids{9, 6, 10}))
      << "BOS is that class's default";
  EXPECT_EQ(ids(with({{"tokenizer_class", "GemmaTokenizer"}, {"add_bos_token", false}})), (Ids{6}));
  EXPECT_EQ(ids(with({{"tokenizer_class", "LlamaTokenizerFast"}})), (Ids{6})) << "says nothing: the file's own";
  EXPECT_EQ(ids(with({{"tokenizer_class", "Qwen2Tokenizer"}, {"add_bos_token", true}})), (Ids{6}))
      << "that class does not look at it";
  const std::string error = OpenError(json.dump(), R"({"tokenizer_class": "LlamaTokenizer", "add_bos_token": true})");
  EXPECT_NE(error.find("bos_token"), std::string::npos) << error;
  const auto tokenizer = Parse(json, with({{"additional_special_tokens", {"<tool>"}}}));
  EXPECT_EQ(tokenizer->Special("eos_token"), "</s>");
  EXPECT_EQ(tokenizer->Special("additional_special_tokens"), "<tool>");
  EXPECT_EQ(tokenizer->Special("pad_token"), std::nullopt);
}

TEST(TokenizerTest, TheSameTextsHaveTheSameHash) {
  const Json json = WithSpecials();
  EXPECT_EQ(Parse(json)->content_hash(), Parse(json)->content_hash());
  EXPECT_NE(Parse(json)->content_hash(), Parse(LetterTokenizer())->content_hash());
  const Json config = {{"tokenizer_class", "LlamaTokenizer"}, {"add_bos_token", true}, {"bos_token", "<s>"}};
  EXPECT_NE(Parse(json)->content_hash(), Parse(json, config)->content_hash()) << "BOS or not are different ids";
}

TEST(TokenizerTest, ManyThreadsMayUseOne) {
  const auto tokenizer = Parse(WithSpecials());
  const std::string text = "<s>abc de abcab</s> de<tool>abcde";
  const Ids expected = tokenizer->Encode(text).ids;
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) wrong[static_cast<size_t>(t)] += tokenizer->Encode(text).ids != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

// Quadratic work on this would take minutes.
TEST(TokenizerTest, AMegabyteOfOneLetterIsNoTrouble) {
  Json json = LetterTokenizer();
  json["model"]["vocab"] = {{"a", 0}};
  json["model"]["merges"] = Json::array();
  std::string token = "a";
  for (int id = 1; id < 16; ++id) {
    json["model"]["merges"].push_back(token + " " + token);
    token += token;
    json["model"]["vocab"][token] = id;
  }
  const auto tokenizer = Parse(json);
  const auto begin = std::chrono::steady_clock::now();
  const Encoding encoding = tokenizer->Encode(std::string(1 << 20, 'a'));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(encoding.ids, Ids((1 << 20) >> 15, 15));
}

// WithSpecials that puts these ids before each text.
Json BeginningWith(const Ids& ids) {
  Json json = WithSpecials();
  if (ids.empty()) return json;
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"SpecialToken", {{"id", "B"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
      {"pair", Json::array()},
      {"special_tokens", {{"B", {{"id", "B"}, {"ids", ids}, {"tokens", std::vector<std::string>(ids.size(), "B")}}}}}};
  return json;
}

TEST(TokenizerTest, ATextThatWasRenderedAlreadyHasOneBeginning) {
  EncodeOptions options;
  options.one_beginning = true;
  const auto expect = [&](const Ids& beginning, const std::string& text, const Ids& ids, bool dropped) {
    const Encoding encoding = Parse(BeginningWith(beginning))->Encode(text, options);
    EXPECT_EQ(encoding.ids, ids) << text;
    EXPECT_EQ(encoding.second_beginning, dropped) << text;
    EXPECT_TRUE(encoding.offsets.empty()) << text;
  };
  expect({9}, "<s>ab", {9, 6}, true);
  expect({9}, "ab", {9, 6}, false);
  expect({9}, "<s><s>ab", {9, 9, 6}, true);  // what the text has twice, it has twice
  expect({9}, "a<s>b", {9, 0, 9, 1}, false);
  expect({9}, "<s>", {9}, true);
  expect({9}, "", {9}, false);
  // A beginning of several tokens counts as a whole, and a tokenizer without one takes nothing away.
  expect({9, 0}, "<s>ac", {9, 0, 2}, true);
  expect({9, 0}, "<s>c", {9, 0, 9, 2}, false);
  expect({}, "<s><s>b", {9, 9, 1}, false);
  // Somebody's input holds no special token, and where none are added there is none to leave out.
  const ByteSpan all[] = {{0, 5}};
  options.plain = all;
  expect({9}, "<s>ab", {9, 6}, false);
  options.plain = {};
  options.add_special_tokens = false;
  expect({9}, "<s><s>ab", {9, 9, 6}, false);

  const auto tokenizer = Parse(BeginningWith({9}));
  EXPECT_EQ(tokenizer->Encode("<s>ab").ids, (Ids{9, 9, 6})) << "only where it is asked for";
  options.add_special_tokens = options.offsets = true;
  EXPECT_EQ(tokenizer->Encode("<s>ab", options).offsets, (std::vector<ByteSpan>{{0, 3}, {3, 5}}));
}

TEST(TokenizerTest, APatternThatGivesUpIsAnError) {
  Json json = LetterTokenizer();
  json["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"Regex", "(a|a)*x(a|aa)+$|(a+)+b"}}}, {"behavior", "Isolated"}, {"invert", false}};
  const auto tokenizer = Parse(json);
  EXPECT_EQ(tokenizer->Encode("abc").ids, (Ids{6, 2}));
  try {
    tokenizer->Encode(std::string(40, 'a'));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument) << error.message();
    EXPECT_NE(error.message().find("limit"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace hlm
