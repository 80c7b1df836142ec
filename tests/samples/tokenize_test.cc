// horizon tokenize, and texts that the model folder's tokenizer makes ids of.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

// A folder with a tokenizer of the letters a to d, "ab" and <s> in front; its path.
std::string TokenizerFolder() {
  const std::string folder = Scratch("tokenizer");
  std::filesystem::create_directories(folder);
  WriteFile(folder + "/tokenizer.json", R"({"added_tokens": [{"id": 5, "content": "<s>", "special": true, "normalized": false}],
    "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                       "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [5], "tokens": ["<s>"]}}},
    "decoder": {"type": "Fuse"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "ab": 4}, "merges": ["a b"]}})");
  return folder;
}

Result Tokenize(Words more) {
  more.insert(more.begin(), "tokenize");
  return Horizon(more);
}

TEST(TokenizeTest, PrintsIds) {
  const std::string folder = TokenizerFolder();
  EXPECT_EQ(Tokenize({"--model", folder, "--text", "abcd"}).out, "5 4 2 3\n");
  EXPECT_EQ(Tokenize({"--tokenizer", folder + "/tokenizer.json", "--text", "abcd", "--no-special"}).out, "4 2 3\n");
  EXPECT_EQ(Tokenize({"--model", folder, "--text", "", "--no-special"}).out, "\n");
  WriteFile(Scratch("t.txt"), "dab");
  const Result result = Tokenize({"--model", folder, "--data", Scratch("t.txt"), "--json"});
  const auto line = result.Lines().back();
  EXPECT_EQ(line.at("ids"), nlohmann::json({5, 3, 4}));
  EXPECT_EQ(line.at("tokens"), nlohmann::json({"<s>", "d", "ab"}));
  EXPECT_EQ(line.at("offsets"), nlohmann::json({{0, 0}, {0, 1}, {1, 3}}));
}

TEST(TokenizeTest, PrintsTheTextOfIds) {
  const std::string folder = TokenizerFolder();
  EXPECT_EQ(Tokenize({"--model", folder, "--ids", "5 4,2"}).out, "<s>abc\n");
  EXPECT_EQ(Tokenize({"--model", folder, "--ids", "5 4 2", "--no-special", "--json"}).Lines().back(),
            nlohmann::json({{"text", "abc"}}));
}

TEST(TokenizeTest, WrongUsageAndBadInputAreSaid) {
  const std::string folder = TokenizerFolder();
  EXPECT_EQ(Tokenize({"--text", "a"}).status, 2);
  EXPECT_EQ(Tokenize({"--model", folder}).status, 2);
  EXPECT_EQ(Tokenize({"--model", folder, "--text", "a", "--ids", "1"}).status, 2);
  EXPECT_EQ(Tokenize({"--model", folder, "--ids", "1 x"}).status, 2);
  const Result unknown = Tokenize({"--model", folder, "--ids", "1 77 2"});
  EXPECT_EQ(unknown.status, 1);
  ExpectOneErrorLine(unknown, {"--ids", "77"});
  const Result none = Tokenize({"--model", Scratch("nowhere"), "--text", "a"});
  EXPECT_EQ(none.status, 1);
  ExpectOneErrorLine(none, {"nowhere", "tokenizer.json"});
  WriteFile(Scratch("bad.txt"), "a\xff");
  const Result bad = Tokenize({"--model", folder, "--data", Scratch("bad.txt")});
  EXPECT_EQ(bad.status, 1);
  ExpectOneErrorLine(bad, {"bad.txt", "byte 1"});
}

// A model folder: the small config, weights from a seed, and a tokenizer.
std::string ModelFolder() {
  static const std::string made = [] {
    WriteFile(Scratch("ids.npy"), Npy("<i4", "(64,)", Elements("<i4", SomeIds(64))));
    const std::string folder = Scratch("model");
    const Result result = Horizon({"train", "--config", SmallConfig(), "--compute", "f32", "--data", Scratch("ids.npy"),
                                   "--seq-len", "8", "--batch-size", "1", "--steps", "1", "--out", folder});
    EXPECT_EQ(result.status, 0) << result.err;
    std::filesystem::copy_file(TokenizerFolder() + "/tokenizer.json", folder + "/tokenizer.json");
    return folder;
  }();
  return made;
}

TEST(TokenizeTest, GenerateTakesTheModelsTokenizer) {
  const auto ids = [](Words more) {
    Words words = {"generate", "--model", ModelFolder(), "--compute", "f32", "--max-new-tokens", "4", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Result result = Horizon(words);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.Lines().back().at("ids");
  };
  EXPECT_EQ(ids({"--prompt", "abc"}), ids({"--prompt-ids", WriteStream("p.npy", {5, 4, 2})}));
  EXPECT_EQ(ids({"--prompt", "<s>abc"}), ids({"--prompt", "abc"})) << "a prompt that was rendered has one beginning";
  EXPECT_EQ(ids({"--prompt", "a<s>c"}), ids({"--prompt-ids", WriteStream("r.npy", {5, 0, 5, 2})}));
  EXPECT_EQ(ids({"--prompt", "abc", "--bytes"}), ids({"--prompt-ids", WriteStream("q.npy", {97, 98, 99})}));
}

TEST(TokenizeTest, TextDataTakesTheModelsTokenizer) {
  WriteFile(Scratch("data.txt"), "abcdabcdabcdcdabab");
  const auto tokens = [](Words more) {
    Words words = {"eval", "--model",      ModelFolder(), "--compute", "f32",   "--seq-len",
                   "4",    "--batch-size", "1",           "--json",    "--data"};
    words.insert(words.end(), more.begin(), more.end());
    const Result result = Horizon(words);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.Lines().back().at("loss");
  };
  const auto by_hand = tokens({WriteStream("d.npy", {5, 4, 2, 3, 4, 2, 3, 4, 2, 3, 2, 3, 4, 4})});
  EXPECT_EQ(tokens({Scratch("data.txt")}), by_hand);
  WriteFile(Scratch("rendered.txt"), "<s>abcdabcdabcdcdabab");
  EXPECT_EQ(tokens({Scratch("rendered.txt")}), by_hand) << "a text that was rendered has one beginning";
  EXPECT_NE(tokens({Scratch("data.txt"), "--bytes"}), by_hand);
}

}  // namespace
}  // namespace horizon_test
