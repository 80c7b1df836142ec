// Folders with other files than tokenizer.json: what is found, what is told, and files that are damaged.
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "tests/text/folder.h"
#include "tests/text/support.h"

namespace hlm {
namespace {

std::string Error(const std::string& path) {
  try {
    Tokenizer::Open(path);
    return "";
  } catch (const hlm::Error& error) {
    return std::string(CodeName(error.code())) + ": " + error.message();
  }
}

void ExpectError(const std::string& path, const std::string& code, const std::vector<std::string>& parts) {
  const std::string error = Error(path);
  EXPECT_TRUE(error.starts_with(code + ": ")) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  for (const std::string& part : parts) EXPECT_NE(error.find(part), std::string::npos) << "no \"" << part << "\" in: " << error;
}

TEST(TokenizerFolderTest, SaysWhatThereIsAndHowToConvertIt) {
  const std::string folder = NewFolder("others");
  ExpectError(folder, "NOT_FOUND", {"there is no tokenizer.json"});
  EXPECT_EQ(Error(folder).find("python3"), std::string::npos) << "nothing is there that could be converted";
  const std::string command = "AutoTokenizer.from_pretrained('" + folder + "').save_pretrained('" + folder + "')";
  for (const char* name : {"qwen.tiktoken", "tekken.json", "vocab.txt", "spiece.model", "tokenization_own.py", "vocab.json",
                           "tokenizer.model.v3", "ice_text.model", "vocab.bpe"}) {
    const std::string one = NewFolder("others");
    WriteFile(one + "/" + name, "x");
    WriteFile(one + "/readme.md", "x");
    ExpectError(one, "NOT_FOUND", {name, "is not read", command});
    EXPECT_EQ(Error(one).find("readme"), std::string::npos);
  }
  // tiktoken's ranks under SentencePiece's name (Llama 3's original folder).
  WriteFile(NewFolder("others") + "/tokenizer.model", "IQ== 0\nIg== 1\n");
  ExpectError(folder, "NOT_FOUND", {"tokenizer.model", command});
  ExpectError(folder + "/tokenizer.model", "UNIMPLEMENTED", {"no model of SentencePiece", command});
}

TEST(TokenizerFolderTest, PointsToASubFolder) {
  for (const char* name : {"tokenizer", "original", "processor"}) {
    const std::string folder = NewFolder("outer");
    std::filesystem::create_directories(folder + "/" + name);
    std::filesystem::create_directories(folder + "/assets");
    ExpectError(folder, "NOT_FOUND", {"there is no tokenizer.json"});
    WriteFile(folder + "/" + name + "/tokenizer.model", GoldenFile("llama"));
    ExpectError(folder, "NOT_FOUND", {std::string("its folder ") + name, folder + "/" + name});
    EXPECT_EQ(Error(folder + "/" + name), "");
  }
}

TEST(TokenizerFolderTest, TokenizerJsonComesFirst) {
  const std::string folder = WriteGoldenFolder("llama_2");
  const Ids old = Tokenizer::Open(folder)->Encode("Hello").ids;
  Json json = LetterTokenizer();
  WriteFile(folder + "/tokenizer.json", json.dump());
  std::filesystem::remove(folder + "/tokenizer_config.json");
  EXPECT_EQ(Tokenizer::Open(folder)->Encode("abc").ids, Ids{7});
  EXPECT_EQ(Tokenizer::Open(folder + "/tokenizer.model")->VocabSize(), 500) << "the file itself may be named";
}

TEST(TokenizerFolderTest, FilesMayBeNamedByTheirPath) {
  for (const auto& [golden, file] : std::vector<std::pair<std::string, std::string>>{
           {"llama_2", "tokenizer.model"}, {"gpt2", "vocab.json"}, {"qwen2", "merges.txt"}}) {
    const std::string folder = WriteGoldenFolder(golden);
    const auto whole = Tokenizer::Open(folder), one = Tokenizer::Open(folder + "/" + file);
    EXPECT_EQ(one->content_hash(), whole->content_hash());
    EXPECT_EQ(one->folder(), folder);
    EXPECT_EQ(one->Encode("Hello, world").ids, whole->Encode("Hello, world").ids);
  }
}

TEST(TokenizerFolderTest, ClassesWithTheirOwnNumbersAreRefusedByName) {
  for (const char* name : {"T5Tokenizer", "XLMRobertaTokenizerFast", "XGLMTokenizer"}) {
    const std::string folder = WriteGoldenFolder("llama_model_alone");
    WriteFile(folder + "/tokenizer_config.json", Json{{"tokenizer_class", name}}.dump());
    ExpectError(folder, "UNIMPLEMENTED", {std::string(name).substr(0, 4), "AutoTokenizer.from_pretrained"});
  }
  for (const char* name : {"RobertaTokenizer", "WhisperTokenizer", "Qwen3_5Tokenizer"}) {
    const std::string folder = WriteGoldenFolder("gpt2");
    WriteFile(folder + "/tokenizer_config.json", Json{{"tokenizer_class", name}}.dump());
    std::filesystem::remove(folder + "/config.json");
    ExpectError(folder, "UNIMPLEMENTED", {name, "AutoTokenizer.from_pretrained"});
  }
}

TEST(TokenizerFolderTest, AnAddedTokensIdMustBeTheOneItGets) {
  for (const int64_t id : {501, 600, 499, 3}) {
    const std::string folder = WriteGoldenFolder("llama_nothing_said");
    WriteFile(folder + "/added_tokens.json", Json{{"<new>", id}}.dump());
    ExpectError(folder, "INVALID_ARGUMENT", {"<new>", std::to_string(id), "500"});
  }
  const std::string folder = WriteGoldenFolder("llama_nothing_said");
  WriteFile(folder + "/added_tokens.json", Json{{"<new>", 500}, {"<s>", 1}}.dump());
  EXPECT_EQ(Error(folder), "");
}

TEST(TokenizerFolderTest, SettingsThatAreDamagedNameTheFile) {
  const auto with = [](const char* file, const std::string& text) {
    const std::string folder = WriteGoldenFolder("llama_nothing_said");
    WriteFile(folder + "/" + file, text);
    return folder;
  };
  ExpectError(with("added_tokens.json", R"({"<new>": "x"})"), "INVALID_ARGUMENT", {"added_tokens.json", "<new>", "\"x\""});
  ExpectError(with("added_tokens.json", "[]"), "INVALID_ARGUMENT", {"added_tokens.json", "array"});
  ExpectError(with("tokenizer_config.json", R"({"bos_token": 7})"), "INVALID_ARGUMENT",
              {"tokenizer_config.json", "bos_token", "7"});
  ExpectError(with("tokenizer_config.json", R"({"legacy": "yes"})"), "INVALID_ARGUMENT", {"tokenizer_config.json", "legacy"});
  ExpectError(with("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "y"}}})"), "INVALID_ARGUMENT",
              {"added_tokens_decoder", "\"x\""});
  ExpectError(with("special_tokens_map.json", "{"), "INVALID_ARGUMENT", {"special_tokens_map.json"});
}

TEST(TokenizerFolderTest, MergesAndVocabulariesThatAreDamagedNameTheLine) {
  const auto with = [](const char* file, const std::string& text) {
    const std::string folder = WriteGoldenFolder("gpt2");
    WriteFile(folder + "/" + file, text);
    return folder;
  };
  ExpectError(with("merges.txt", "#version: 0.2\na b c\n"), "INVALID_ARGUMENT", {"merges.txt", "line 2", "a b c"});
  ExpectError(with("merges.txt", "a\n"), "INVALID_ARGUMENT", {"merges.txt", "line 1"});
  ExpectError(with("merges.txt", "a \xff\n"), "INVALID_ARGUMENT", {"merges.txt", "UTF-8", "2"});
  ExpectError(with("vocab.json", "{\"a\": -1}"), "INVALID_ARGUMENT", {"vocab.json", "-1"});
  ExpectError(with("vocab.json", "[1]"), "INVALID_ARGUMENT", {"vocab.json"});
}

// Fields of Protocol Buffers' wire format.
std::string Number(int field, int64_t value) {
  std::string bytes;
  for (uint64_t rest : {static_cast<uint64_t>(field) << 3, static_cast<uint64_t>(value)}) {
    for (; rest >= 0x80; rest >>= 7) bytes += static_cast<char>(rest | 0x80);
    bytes += static_cast<char>(rest);
  }
  return bytes;
}
std::string Text(int field, const std::string& text) {
  std::string bytes = Number(field, static_cast<int64_t>(text.size()));
  bytes[0] = static_cast<char>(bytes[0] | 2);
  return bytes + text;
}
std::string Piece(const std::string& text, int64_t type = 1) { return Text(1, Text(1, text) + Number(3, type)); }

TEST(TokenizerFolderTest, SentencePieceFilesThatAreDamagedAreRefused) {
  const std::string folder = NewFolder("damaged");
  const auto with = [&](const std::string& bytes) {
    WriteFile(folder + "/tokenizer.model", bytes);
    return folder;
  };
  const std::string good = Piece("<unk>", 2) + Piece("a") + Piece("b") + Piece("ab");
  const std::string bpe = Text(2, Number(3, 2));
  ASSERT_EQ(Error(with(good + bpe)), "");
  EXPECT_EQ(Tokenizer::Open(folder)->VocabSize(), 6) << "and the default's <s> and </s>";
  ExpectError(with(good + Piece("a") + bpe), "INVALID_ARGUMENT", {"tokenizer.model", "piece 4", "\"a\"", "twice"});
  ExpectError(with(good + Piece("") + bpe), "INVALID_ARGUMENT", {"piece 4", "empty"});
  ExpectError(with(good + Piece("\xff") + bpe), "INVALID_ARGUMENT", {"piece 4", "UTF-8"});
  ExpectError(with(good + Piece("c", 9) + bpe), "INVALID_ARGUMENT", {"piece 4", "type 9"});
  ExpectError(with(good + Piece(std::string(5000, 'x')) + bpe), "INVALID_ARGUMENT", {"piece 4", "5000", "4096"});
  ExpectError(with(good + Text(2, Number(3, 3))), "UNIMPLEMENTED", {"model type 3", "python3"});
  ExpectError(with(good + Text(2, Number(24, 1))), "UNIMPLEMENTED", {"treat_whitespace_as_suffix"});
  ExpectError(with(good + Text(2, Number(40, 4))), "INVALID_ARGUMENT", {"unk_id is 4", "4 pieces"});
  ExpectError(with(good + Text(2, Number(40, -1))), "INVALID_ARGUMENT", {"unk_id is -1"});
  ExpectError(with(good.substr(0, good.size() - 1)), "INVALID_ARGUMENT", {"longer than what holds it", "byte"});
  ExpectError(with(good + "\x50"), "INVALID_ARGUMENT", {"ends inside a number", std::to_string(good.size() + 1)});
  ExpectError(with(good + std::string("\x07\x00", 2)), "INVALID_ARGUMENT", {"number"});
}

TEST(TokenizerFolderTest, PiecesThatCostTooMuchToPairAreRefused) {
  const std::string folder = NewFolder("long");
  std::string bytes = Piece("<unk>", 2);
  for (int i = 0; i < 700; ++i) bytes += Piece(std::to_string(i) + std::string(4000, 'x'));
  WriteFile(folder + "/tokenizer.model", bytes + Text(2, Number(3, 2)));
  ExpectError(folder, "RESOURCE_EXHAUSTED", {"merges", "limit"});
  WriteFile(folder + "/tokenizer.model", bytes);  // Unigram has none
  EXPECT_EQ(Error(folder), "");
}

TEST(TokenizerFolderTest, AnyBytesOfASentencePieceFileAreReadOrRefusedSoon) {
  const std::string folder = NewFolder("random");
  std::mt19937 random(7);
  int refused = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (const char* name : {"llama", "user", "unigram"}) {
    const std::string whole = GoldenFile(name);
    for (int i = 0; i < 400; ++i) {
      std::string bytes = whole;
      if (i % 2 == 0) {
        bytes.resize(random() % bytes.size());
      } else {
        for (int k = 0; k < 1 + i % 7; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      std::filesystem::remove(folder + "/tokenizer.model");
      WriteFile(folder + "/tokenizer.model", bytes);
      try {
        Tokenizer::Open(folder)->Encode("Hello, world. <|im_end|>  x");
      } catch (const hlm::Error& error) {
        EXPECT_TRUE(error.code() == Code::kInvalidArgument || error.code() == Code::kUnimplemented ||
                    error.code() == Code::kNotFound)
            << error.message();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(120));
}

}  // namespace
}  // namespace hlm
