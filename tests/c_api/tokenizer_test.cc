// Tokenizers through the C ABI: buffers, units of offsets, streams, and what is refused.
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

using Tokenizer = std::unique_ptr<hlm_tokenizer, Destroyer<hlm_tokenizer, hlm_tokenizer_destroy>>;
using Decoder = std::unique_ptr<hlm_decoder, Destroyer<hlm_decoder, hlm_decoder_destroy>>;

// Byte-level, with bytes a b é's two and 😀's four, and "ab".
constexpr const char* kFile = R"({"added_tokens": [{"id": 9, "content": "<s>", "special": true, "normalized": false}],
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
  "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
  "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                     "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [9], "tokens": ["<s>"]}}},
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "\u00c3": 2, "\u00a9": 3, "\u00f0": 4, "\u0141": 5, "\u013a": 6, "\u0122": 7, "ab": 8}, "merges": ["a b"]}})";

class TokenizerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/tokenizer_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ + "/tokenizer.json") << kFile;
    std::ofstream(folder_ + "/tokenizer_config.json") << R"({"bos_token": "<s>", "chat_template": "x"})";
    hlm_tokenizer* tokenizer = nullptr;
    ASSERT_OK(hlm_tokenizer_open(folder_.c_str(), &tokenizer));
    tokenizer_.reset(tokenizer);
    hlm_encode_options_init(&options_);
  }
  std::vector<int32_t> Ids(const std::string& text) {
    std::vector<int32_t> ids(text.size() + 16);
    size_t n = 0;
    EXPECT_OK(
        hlm_tokenizer_encode(tokenizer_.get(), text.data(), text.size(), &options_, ids.data(), ids.size(), nullptr, 0, &n));
    ids.resize(n);
    return ids;
  }
  std::vector<int64_t> Offsets(const std::string& text, int32_t unit) {
    std::vector<int32_t> ids(text.size() + 16);
    std::vector<int64_t> offsets(2 * ids.size());
    options_.offsets_in = unit;
    size_t n = 0;
    EXPECT_OK(hlm_tokenizer_encode(tokenizer_.get(), text.data(), text.size(), &options_, ids.data(), ids.size(), offsets.data(),
                                   offsets.size(), &n));
    offsets.resize(2 * n);
    return offsets;
  }

  std::string folder_;
  Tokenizer tokenizer_;
  hlm_encode_options options_;
};

TEST_F(TokenizerTest, OpensAFolderOrAFile) {
  hlm_tokenizer* tokenizer = nullptr;
  EXPECT_OK(hlm_tokenizer_open((folder_ + "/tokenizer.json").c_str(), &tokenizer));
  hlm_tokenizer_destroy(tokenizer);
  ExpectError(hlm_tokenizer_open((folder_ + "/none").c_str(), &tokenizer), HLM_NOT_FOUND, {"none", "tokenizer.json"});
  ExpectError(hlm_tokenizer_open("", &tokenizer), HLM_INVALID_ARGUMENT, {"path"});
  ExpectError(hlm_tokenizer_open(folder_.c_str(), nullptr), HLM_INVALID_ARGUMENT, {"out_tokenizer"});
  hlm_tokenizer_destroy(nullptr);
  char* json = nullptr;
  ASSERT_OK(hlm_tokenizer_describe(tokenizer_.get(), &json));
  const String owner(json);
  EXPECT_NE(std::string(json).find("\"bos_token\":\"<s>\""), std::string::npos) << json;
  EXPECT_NE(std::string(json).find("\"vocab_size\":10"), std::string::npos) << json;
}

TEST_F(TokenizerTest, EncodesIntoTheCallersBuffer) {
  EXPECT_EQ(Ids("abba<s>"), (std::vector<int32_t>{9, 8, 1, 0, 9}));
  options_.add_special_tokens = 0;
  EXPECT_EQ(Ids("abba"), (std::vector<int32_t>{8, 1, 0}));
  size_t n = 99;
  EXPECT_OK(hlm_tokenizer_encode(tokenizer_.get(), "abba", 4, nullptr, nullptr, 0, nullptr, 0, &n));
  EXPECT_EQ(n, 4u) << "counted, with the default's BOS";
  int32_t two[2] = {-7, -7};
  n = 99;
  ExpectError(hlm_tokenizer_encode(tokenizer_.get(), "abba", 4, nullptr, two, 2, nullptr, 0, &n), HLM_OUT_OF_RANGE, {"4", "2"});
  EXPECT_EQ(two[0], -7);
  EXPECT_EQ(n, 99u);
  EXPECT_OK(hlm_tokenizer_encode(tokenizer_.get(), nullptr, 0, nullptr, two, 2, nullptr, 0, &n));
  EXPECT_EQ(n, 1u);
}

TEST_F(TokenizerTest, OffsetsComeInTheUnitAskedFor) {
  options_.add_special_tokens = 0;
  const std::string text =
      "\xc3\xa9\xf0\x9f\x98\x80"
      "ab";
  EXPECT_EQ(Offsets(text, HLM_OFFSETS_BYTES), (std::vector<int64_t>{0, 2, 0, 2, 2, 6, 2, 6, 2, 6, 2, 6, 6, 8}));
  EXPECT_EQ(Offsets(text, HLM_OFFSETS_CHARACTERS), (std::vector<int64_t>{0, 1, 0, 1, 1, 2, 1, 2, 1, 2, 1, 2, 2, 4}));
  EXPECT_EQ(Offsets(text, HLM_OFFSETS_UTF16), (std::vector<int64_t>{0, 1, 0, 1, 1, 3, 1, 3, 1, 3, 1, 3, 3, 5}));
}

TEST_F(TokenizerTest, SomebodysTextMakesNoSpecialTokens) {
  const int64_t span[] = {0, 4};
  options_.plain = span;
  options_.n_plain = 2;
  EXPECT_EQ(Ids("a<s><s>"), (std::vector<int32_t>{9, 0, 9}));
  options_.n_plain = 1;
  size_t n = 0;
  ExpectError(hlm_tokenizer_encode(tokenizer_.get(), "a", 1, &options_, nullptr, 0, nullptr, 0, &n), HLM_INVALID_ARGUMENT,
              {"n_plain", "1"});
  options_.n_plain = 2;
  ExpectError(hlm_tokenizer_encode(tokenizer_.get(), "a", 1, &options_, nullptr, 0, nullptr, 0, &n), HLM_INVALID_ARGUMENT,
              {"[0, 4)"});
}

TEST_F(TokenizerTest, ABeginningThatIsThereIsNotDoubledWhereThatIsAskedFor) {
  EXPECT_EQ(Ids("<s>ab"), (std::vector<int32_t>{9, 9, 8}));
  options_.one_beginning = 1;
  EXPECT_EQ(Ids("<s>ab"), (std::vector<int32_t>{9, 8}));
  EXPECT_EQ(Offsets("<s>ab", HLM_OFFSETS_BYTES), (std::vector<int64_t>{0, 3, 3, 5}));
  size_t n = 0;
  EXPECT_OK(hlm_tokenizer_encode(tokenizer_.get(), "<s>ab", 5, &options_, nullptr, 0, nullptr, 0, &n));
  EXPECT_EQ(n, 2u);
  // A program from before there was this member says so by its size.
  options_.struct_size = offsetof(hlm_encode_options, one_beginning);
  EXPECT_EQ(Ids("<s>ab"), (std::vector<int32_t>{9, 9, 8}));
  options_.struct_size = sizeof(options_);
  options_.one_beginning = 2;
  ExpectError(hlm_tokenizer_encode(tokenizer_.get(), "a", 1, &options_, nullptr, 0, nullptr, 0, &n), HLM_INVALID_ARGUMENT,
              {"one_beginning", "2"});
  options_.one_beginning = 0;
  options_.reserved = 3;
  ExpectError(hlm_tokenizer_encode(tokenizer_.get(), "a", 1, &options_, nullptr, 0, nullptr, 0, &n), HLM_INVALID_ARGUMENT,
              {"reserved", "3"});
}

TEST_F(TokenizerTest, BadArgumentsAreRefused) {
  size_t n = 0;
  int32_t ids[4];
  int64_t offsets[4];
  const hlm_tokenizer* tokenizer = tokenizer_.get();
  ExpectError(hlm_tokenizer_encode(tokenizer, "a\xff", 2, nullptr, ids, 4, nullptr, 0, &n), HLM_INVALID_ARGUMENT,
              {"UTF-8", "byte 1", "0xFF"});
  ExpectError(hlm_tokenizer_encode(tokenizer, "a", 1, nullptr, ids, 4, offsets, 4, &n), HLM_INVALID_ARGUMENT, {"n_offsets", "8"});
  ExpectError(hlm_tokenizer_encode(tokenizer, nullptr, 3, nullptr, ids, 4, nullptr, 0, &n), HLM_INVALID_ARGUMENT, {"text"});
  ExpectError(hlm_tokenizer_encode(nullptr, "a", 1, nullptr, ids, 4, nullptr, 0, &n), HLM_INVALID_ARGUMENT, {"tokenizer"});
  ExpectError(hlm_tokenizer_encode(tokenizer, "a", 1, nullptr, ids, 4, nullptr, 0, nullptr), HLM_INVALID_ARGUMENT, {"out_n_ids"});
  options_.offsets_in = 7;
  ExpectError(hlm_tokenizer_encode(tokenizer, "a", 1, &options_, ids, 4, nullptr, 0, &n), HLM_INVALID_ARGUMENT,
              {"offsets_in", "7"});
  hlm_encode_options_init(&options_);
  const int64_t plain[] = {0, 1, 1};
  options_.plain = plain, options_.n_plain = 3;
  ExpectError(hlm_tokenizer_encode(tokenizer, "a", 1, &options_, ids, 4, nullptr, 0, &n), HLM_INVALID_ARGUMENT,
              {"n_plain is 3", "two numbers each"});
  hlm_encode_options_init(&options_);
  options_.struct_size = 8;
  ExpectError(hlm_tokenizer_encode(tokenizer, "a", 1, &options_, ids, 4, nullptr, 0, &n), HLM_INVALID_ARGUMENT,
              {"hlm_encode_options"});
}

TEST_F(TokenizerTest, DecodesAndNamesTokens) {
  const int32_t ids[] = {9, 8, 2, 3, 77};
  char* text = nullptr;
  size_t n = 0;
  ASSERT_OK(hlm_tokenizer_decode(tokenizer_.get(), ids, 5, 1, &text, &n));
  EXPECT_EQ(std::string(String(text).get(), n), "ab\xc3\xa9");
  ASSERT_OK(hlm_tokenizer_decode(tokenizer_.get(), ids, 5, 0, &text, nullptr));
  EXPECT_STREQ(String(text).get(), "<s>ab\xc3\xa9");
  ASSERT_OK(hlm_tokenizer_token(tokenizer_.get(), 2, &text, nullptr));
  EXPECT_STREQ(String(text).get(), "\xc3\x83");
  ExpectError(hlm_tokenizer_token(tokenizer_.get(), 77, &text, nullptr), HLM_NOT_FOUND, {"77"});
  int32_t id = 0;
  ASSERT_OK(hlm_tokenizer_id(tokenizer_.get(), "<s>", 3, &id));
  EXPECT_EQ(id, 9);
  ExpectError(hlm_tokenizer_id(tokenizer_.get(), "zz", 2, &id), HLM_NOT_FOUND, {"zz"});
  ExpectError(hlm_tokenizer_decode(tokenizer_.get(), ids, 5, 2, &text, &n), HLM_INVALID_ARGUMENT, {"skip_special_tokens"});
}

TEST_F(TokenizerTest, ADecoderOutlivesItsTokenizer) {
  hlm_decoder* raw = nullptr;
  ASSERT_OK(hlm_decoder_create(tokenizer_.get(), 1, &raw));
  const Decoder decoder(raw);
  tokenizer_.reset();
  const auto push = [&](std::vector<int32_t> ids) {
    char* text = nullptr;
    size_t n = 0;
    EXPECT_OK(hlm_decoder_push(decoder.get(), ids.data(), ids.size(), &text, &n));
    return std::string(String(text).get(), n);
  };
  EXPECT_EQ(push({9, 0, 2}), "a");
  EXPECT_EQ(push({}), "");
  EXPECT_EQ(push({3}), "\xc3\xa9");
  EXPECT_EQ(push({4, 5}), "");
  char* text = nullptr;
  ASSERT_OK(hlm_decoder_finish(decoder.get(), &text, nullptr));
  EXPECT_STREQ(String(text).get(), "\xef\xbf\xbd");
  EXPECT_EQ(push({1}), "b");
  hlm_decoder_destroy(nullptr);
}

}  // namespace
}  // namespace hlm_test
