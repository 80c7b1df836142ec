// What a saved folder says of text is what the model was trained with.
#include "core/model/text_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/model/test_folder.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;
using Ids = std::vector<int64_t>;

class TextFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteModelFolder(source_, TinyConfig("Qwen2", R"({"eos_token_id": 0, "bos_token_id": 5})"), "F32");
    WriteText(source_ + "/tokenizer.json", "source");
    WriteText(source_ + "/tokenizer_config.json",
              R"({"chat_template": "old", "model_max_length": 1000000000000000019884624838656, "x": 1})");
    WriteText(source_ + "/special_tokens_map.json", "{}");
    WriteText(source_ + "/vocab.json", "{}");
    fs::create_directory(source_ + "/additional_chat_templates");
    WriteText(source_ + "/additional_chat_templates/rag.jinja", "rag");
    fs::create_directory(folder_ / "tok");
    WriteText(folder_ / "tok/tokenizer.json", "given");
    WriteText(folder_ / "tok/tokenizer_config.json", R"({"chat_template": "theirs", "y": 2})");
    WriteText(folder_ / "tok/notes.txt", "n");
  }

  void Save(const TextFiles& text) {
    fs::remove_all(out_);
    const auto model = WithTextFiles(*Model::Open(source_), text);
    SaveFolder(*model, WeightsOf(*model), out_, {});
  }
  Json Read(const std::string& name) { return Json::parse(ReadText(out_ + "/" + name)); }
  Ids SavedStops() { return StopIds(*Model::Open(out_)); }

  TestFolder folder_;
  std::string source_ = folder_ / "source", out_ = folder_ / "out";
};

TEST_F(TextFilesTest, NothingGivenIsTheSource) {
  Save({});
  EXPECT_EQ(List(out_), (Names{"additional_chat_templates", "config.json", "model.safetensors", "special_tokens_map.json",
                               "tokenizer.json", "tokenizer_config.json", "vocab.json"}));
  EXPECT_EQ(ReadText(out_ + "/tokenizer_config.json"), ReadText(source_ + "/tokenizer_config.json"));
}

TEST_F(TextFilesTest, ATokenizerTakesThePlaceOfAllOfTheSources) {
  for (const std::string& path : {folder_ / "tok", folder_ / "tok/", folder_ / "tok/tokenizer.json"}) {
    Save({.tokenizer = path, .templates = {{"default", "old"}}});
    EXPECT_EQ(List(out_),
              (Names{"chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}))
        << path;
    EXPECT_EQ(ReadText(out_ + "/tokenizer.json"), "given");
    EXPECT_EQ(Read("tokenizer_config.json"), Json({{"chat_template", "old"}, {"y", 2}}));
  }
  // A file of another name is found under the one that it should have.
  WriteText(folder_ / "mine.json", "mine");
  Save({.tokenizer = folder_ / "mine.json"});
  EXPECT_EQ(ReadText(out_ + "/tokenizer.json"), "mine");
}

TEST_F(TextFilesTest, ATemplateTakesThePlaceOfAllOfTheSources) {
  Save({.templates = {{"default", "{{ new }}\n"}}});
  EXPECT_EQ(ReadText(out_ + "/chat_template.jinja"), "{{ new }}\n");
  EXPECT_FALSE(fs::exists(out_ + "/additional_chat_templates"));
  const std::string config = ReadText(out_ + "/tokenizer_config.json");
  EXPECT_EQ(Json::parse(config)["chat_template"], "{{ new }}\n");
  EXPECT_NE(config.find("1000000000000000019884624838656"), std::string::npos) << "all else stays";
  EXPECT_EQ(ReadText(out_ + "/tokenizer.json"), "source");
}

TEST_F(TextFilesTest, SeveralTemplatesHaveFilesOfTheirOwn) {
  Save({.templates = {{"default", "d"}, {"tool_use", "t"}}});
  EXPECT_EQ(ReadText(out_ + "/chat_template.jinja"), "d");
  EXPECT_EQ(List(out_ + "/additional_chat_templates"), Names{"tool_use.jinja"});
  EXPECT_FALSE(Read("tokenizer_config.json").contains("chat_template"));
  ExpectError(Code::kInvalidArgument, {"../x"}, [&] { Save({.templates = {{"default", "d"}, {"../x", "t"}}}); });
}

TEST_F(TextFilesTest, StopIdsAreAddedWhereTheyAreMissing) {
  Save({.stop_ids = {2}});
  EXPECT_EQ(Read("generation_config.json"), Json({{"bos_token_id", 5}, {"eos_token_id", {0, 2}}}));
  EXPECT_EQ(Read("config.json")["eos_token_id"], Json({0, 2}));
  EXPECT_EQ(SavedStops(), (Ids{0, 2}));
  WriteText(source_ + "/generation_config.json", R"({"eos_token_id": [7, 3], "temperature": 0.5})");
  Save({.stop_ids = {3, 2, 2}});
  EXPECT_EQ(Read("generation_config.json"), Json({{"eos_token_id", {7, 3, 2}}, {"temperature", 0.5}}));
  EXPECT_EQ(Read("config.json")["eos_token_id"], Json({0, 3, 2}));
  // One that ends a generation already changes nothing.
  Save({.stop_ids = {3}});
  EXPECT_EQ(ReadText(out_ + "/generation_config.json"), ReadText(source_ + "/generation_config.json"));
  EXPECT_EQ(Read("config.json")["eos_token_id"], 0);
  // A file that says nothing of it stops nowhere in transformers.
  WriteText(source_ + "/generation_config.json", R"({"top_k": 5})");
  Save({.stop_ids = {0}});
  EXPECT_EQ(Read("generation_config.json"), Json({{"top_k", 5}, {"eos_token_id", {0}}}));
  EXPECT_TRUE(StopIdsAreUnsaid(*Model::Open(source_)));
  EXPECT_FALSE(StopIdsAreUnsaid(*Model::Open(out_)));
  fs::remove(source_ + "/generation_config.json");
  EXPECT_FALSE(StopIdsAreUnsaid(*Model::Open(source_)));
}

TEST_F(TextFilesTest, WhatIsWrongIsNamed) {
  ExpectError(Code::kInvalidArgument, {"stop id 900000"}, [&] { Save({.stop_ids = {900000}}); });
  ExpectError(Code::kInvalidArgument, {"stop id -1"}, [&] { Save({.stop_ids = {-1}}); });
  WriteText(source_ + "/generation_config.json", "[");
  ExpectError(Code::kInvalidArgument, {"generation_config.json"}, [&] { Save({.stop_ids = {2}}); });
  Save({});
  WriteText(source_ + "/generation_config.json", "{}");
  WriteText(source_ + "/tokenizer_config.json", "no");
  ExpectError(Code::kInvalidArgument, {"tokenizer_config.json"}, [&] { Save({.templates = {{"default", "d"}}}); });
}

// Ids that are none would end no generation, and nobody would know.
TEST_F(TextFilesTest, IdsThatEndAGenerationAreIds) {
  const std::string file = source_ + "/generation_config.json";
  for (const auto& [value, said] :
       std::vector<std::pair<std::string, std::string>>{{"NaN", "is NaN"},
                                                        {"\"2\"", "is \"2\""},
                                                        {"[0, \"2\"]", "has \"2\""},
                                                        {"2.5", "is 2.5"},
                                                        {"[null]", "has null"},
                                                        {"true", "is true"},
                                                        {"{}", "is {}"},
                                                        {"[[2]]", "has [2]"},
                                                        {"1e30", "is 1"},
                                                        {"99999999999999999999", "is 99999999999999999999"}}) {
    WriteText(file, "{\"eos_token_id\": " + value + "}");
    ExpectError(Code::kInvalidArgument, {"/generation_config.json: eos_token_id " + said, "whole number"},
                [&] { Save({.stop_ids = {2}}); });
    ExpectError(Code::kInvalidArgument, {"/generation_config.json: eos_token_id " + said, "whole number"},
                [&] { StopIds(*Model::Open(source_)); });
    Save({});  // nobody reads them
  }
  for (const std::string value : {"-1", "[0, -1]", "900000"}) {
    WriteText(file, "{\"eos_token_id\": " + value + "}");
    ExpectError(Code::kInvalidArgument, {"/generation_config.json: eos_token_id has ", "outside the vocabulary [0, "},
                [&] { StopIds(*Model::Open(source_)); });
    // What is added ends it all the same, and what is no id goes.
    Save({.stop_ids = {2}});
    EXPECT_EQ(Read("generation_config.json")["eos_token_id"], value == "[0, -1]" ? Json({0, 2}) : Json::array({2}));
    EXPECT_EQ(StopIds(*Model::Open(out_)), value == "[0, -1]" ? (Ids{0, 2}) : Ids{2});
  }
  // What else is in the file is nobody's business.
  for (const std::string more :
       {R"("temperature": NaN)", R"("top_k": "many")", R"("max_length": 1000000000000000019884624838656)"}) {
    WriteText(file, "{" + more + R"(, "eos_token_id": [0]})");
    EXPECT_EQ(StopIds(*Model::Open(source_)), Ids{0}) << more;
  }
}

TEST_F(TextFilesTest, ASourceThatIsGoneTakesOnlyItsOwnFilesWithIt) {
  const auto opened = WithTextFiles(*Model::Open(source_), {.tokenizer = folder_ / "tok", .stop_ids = {2}});
  fs::remove_all(source_);
  fs::remove_all(folder_ / "tok");
  SaveFolder(*opened, WeightsOf(*opened), out_, {});
  EXPECT_EQ(List(out_),
            (Names{"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}));
}

}  // namespace
}  // namespace hlm
