// Mutations of valid tokenizer.json files: whatever the bytes are, reading them works or throws an Error, and what was read can
// be used.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/text/tokenizer/tokenizer.h"
#include "tests/text/support.h"

namespace hlm {
namespace {

std::vector<std::string> Bases() {
  Json bpe = LetterTokenizer();
  bpe["added_tokens"] = {Added("<s>", 9, true, {{"lstrip", true}}),
                         Added("de", 8, false, {{"single_word", true}, {"normalized", true}})};
  bpe["normalizer"] = {{"type", "Sequence"},
                       {"normalizers",
                        {{{"type", "NFKC"}},
                         {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}},
                         {{"type", "Prepend"}, {"prepend", "a"}},
                         {{"type", "Lowercase"}}}}};
  bpe["pre_tokenizer"] = {{"type", "Sequence"},
                          {"pretokenizers",
                           {{{"type", "Split"},
                             {"pattern", {{"Regex", "[^\\r\\n\\p{L}]?\\p{L}+|\\s+(?!\\S)|[a&&[^b]]"}}},
                             {"behavior", "Isolated"},
                             {"invert", false}},
                            {{"type", "Digits"}, {"individual_digits", true}}}}};
  bpe["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
      {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {9}}, {"tokens", {"<s>"}}}}}}};
  bpe["decoder"] = {{"type", "Sequence"},
                    {"decoders",
                     {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
                      {{"type", "ByteFallback"}},
                      {{"type", "Fuse"}},
                      {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}};
  bpe["model"]["byte_fallback"] = true;
  bpe["model"]["fuse_unk"] = true;
  bpe["model"]["unk_token"] = "e";
  Json unigram = {
      {"model",
       {{"type", "Unigram"},
        {"unk_id", 0},
        {"vocab", Json::array({Json::array({"<unk>", 0.0}), Json::array({"\u2581", -2.0}), Json::array({"a", -3.5}),
                               Json::array({"b", -1e1}), Json::array({"ab", -4}),
                               Json::array({"\u2581"
                                            "a",
                                            -2.5})})}}},
      {"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}, {"split", true}}},
      {"decoder", {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}, {"split", true}}},
      {"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "BAAAAAAEAABhAA=="}}}};
  Json byte_level = LetterTokenizer();
  byte_level["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  byte_level["decoder"] = byte_level["post_processor"] = byte_level["pre_tokenizer"];
  byte_level["model"]["vocab"]["\u0120"] = 9;
  byte_level["model"]["ignore_merges"] = true;
  byte_level["model"]["merges"] = Json::array({Json::array({"a", "b"}), Json::array({"ab", "c"})});
  return {bpe.dump(), unigram.dump(), byte_level.dump()};
}

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}
  std::string Mutate(std::string text) {
    static const std::vector<std::string> kTokens = {"{",       "}",           "[",           "]",    "\"",   ":",   ",",
                                                     "null",    "true",        "false",       "0",    "-1",   "1e9", "4294967296",
                                                     "\\u0000", "\\ud800",     "\\",          "\xff", "\"\"", "[[",  "\"type\"",
                                                     "\"BPE\"", "\"Unigram\"", "(",           ")",    "*",    "&&",  "\\\\p{L}",
                                                     "(?i:",    "\"Regex\":",  "999999999999"};
    for (size_t change = 1 + Below(3); change > 0 && !text.empty(); --change) {
      const size_t at = Below(text.size()), length = std::min(text.size() - at, 1 + Below(16));
      switch (Below(6)) {
        case 0:
          text[at] = static_cast<char>(text[at] ^ (1 << Below(8)));
          break;
        case 1:
          text.erase(at, length);
          break;
        case 2:
          text.insert(at, text.substr(Below(text.size()), length));
          break;
        case 3:
          text.resize(at);
          break;
        case 4:
          text.insert(at, kTokens[Below(kTokens.size())]);
          break;
        default:
          text.replace(at, length, kTokens[Below(kTokens.size())]);
          break;
      }
    }
    return text;
  }
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

 private:
  std::mt19937 random_;
};

TEST(Fuzz, MutatedTokenizers) {
  Mutator mutator(5);
  const std::vector<std::string> bases = Bases();
  for (const std::string& base : bases) EXPECT_EQ(OpenError(base), "") << base;
  const std::string texts[] = {"", "a", "abc de<s> \u4e2d\u6587 caf\u00e9  ab\n12 </s>de", std::string("\0a", 2),
                               "e\u0301\u0301 \uff21\u2581 \U0001f600"};
  int opened = 0, refused = 0;
  for (int i = 0; i < 12000; ++i) {
    const std::string file = mutator.Mutate(bases[static_cast<size_t>(i) % bases.size()]);
    SCOPED_TRACE(file);
    try {
      const auto tokenizer = Tokenizer::Parse(file, "", "t");
      ++opened;
      for (const std::string& text : texts) {
        try {
          EncodeOptions options;
          options.offsets = i % 2 == 0;
          const Encoding encoding = tokenizer->Encode(text, options);
          const std::string decoded = tokenizer->Decode(encoding.ids, false);
          StreamDecoder stream(tokenizer, false);
          std::string streamed;
          for (const int32_t id : encoding.ids) streamed += stream.Push(id);
          EXPECT_EQ(streamed + stream.Finish(), decoded);
          for (const ByteSpan& span : encoding.offsets)
            EXPECT_TRUE(0 <= span.begin && span.begin <= span.end && span.end <= static_cast<int64_t>(text.size()));
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), Code::kInvalidArgument) << error.message();
        }
      }
    } catch (const Error& error) {
      ++refused;
      EXPECT_TRUE(error.code() == Code::kInvalidArgument || error.code() == Code::kUnimplemented) << error.message();
      EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
      EXPECT_LT(error.message().size(), 2000u);
    }
  }
  EXPECT_GT(opened, 500);
  EXPECT_GT(refused, 5000);
}

// Any ids decode to text.
TEST(Fuzz, RandomIds) {
  Mutator mutator(6);
  for (const std::string& base : Bases()) {
    const auto tokenizer = Tokenizer::Parse(base, "", "t");
    for (int i = 0; i < 2000; ++i) {
      Ids ids;
      for (size_t n = mutator.Below(12); n > 0; --n) ids.push_back(static_cast<int32_t>(mutator.Below(16)) - 2);
      StreamDecoder stream(tokenizer, i % 2 == 0);
      std::string streamed;
      for (const int32_t id : ids) streamed += stream.Push(id);
      EXPECT_EQ(streamed + stream.Finish(), tokenizer->Decode(ids, i % 2 == 0));
    }
  }
}

}  // namespace
}  // namespace hlm
