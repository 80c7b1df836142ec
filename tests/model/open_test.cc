// Opening a Hugging Face folder: every tensor of the model, no other, in the right shape and type.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/base/dtype.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;
constexpr const char* kQ = "model.layers.0.self_attn.q_proj.weight";
constexpr const char* kTied = R"({"tie_word_embeddings": true})";

class Open : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(model_);
    UseConfig(TinyConfig("Llama"));
  }
  void UseConfig(const std::string& config) {
    WriteText(model_ + "/config.json", config);
    reference_ = Model::Create(config, 0);
  }
  void UseWeights(const FileBuilder& file) { WriteText(model_ + "/model.safetensors", file.Bytes()); }
  void ExpectOpenError(Code code, const std::vector<std::string>& fragments) {
    ExpectError(code, fragments, [&] { Model::Open(model_); });
  }
  // Two shards, each tensor in the first or the second by turns, and their index.
  void UseShards() {
    const FileBuilder whole = ModelFile(*reference_);
    FileBuilder shards[2];
    index_ = Json::object();
    int turn = 0;
    for (const auto& [name, entry] : whole.header.items()) {
      const size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
      shards[turn].AddRaw(name, "F32", entry["shape"], whole.data.substr(begin, end - begin));
      index_["weight_map"][name] = turn == 0 ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors";
      turn = 1 - turn;
    }
    WriteText(model_ + "/model-00001-of-00002.safetensors", shards[0].Bytes());
    WriteText(model_ + "/model-00002-of-00002.safetensors", shards[1].Bytes());
    WriteIndex();
  }
  void WriteIndex() { WriteText(model_ + "/model.safetensors.index.json", index_.dump()); }

  TestFolder folder_;
  std::string model_ = folder_ / "model";
  std::shared_ptr<const Model> reference_;
  Json index_;
};

TEST_F(Open, ReadsEveryTensorOfEveryFamilyAndType) {
  for (const char* family : {"Llama", "Mistral", "Qwen2", "Qwen3"}) {
    for (const char* changes : {"{}", kTied}) {
      for (const DType type : {DType::kF32, DType::kBF16, DType::kF16}) {
        UseConfig(TinyConfig(family, changes));
        UseWeights(ModelFile(*reference_, type == DType::kF32 ? "F32" : type == DType::kBF16 ? "BF16" : "F16"));
        const auto model = Model::Open(model_);
        EXPECT_EQ(model->source_dtype(), type);
        EXPECT_EQ(model->config_json(), TinyConfig(family, changes));
        EXPECT_EQ(model->source_folder(), model_);
        for (const UnitSpec& unit : model->layout().units) {
          for (const TensorSpec& tensor : unit.tensors) {
            const std::vector<float> values = ReadAll(*model, tensor);
            for (size_t i = 0; i < values.size(); ++i)
              ASSERT_EQ(values[i], 0.5f * static_cast<float>(i % 100 + 1)) << tensor.name;
          }
        }
      }
    }
  }
}

TEST_F(Open, TheWidestTypeOfAMixedFolder) {
  const auto dtype_with = [&](const char* all, const char* one) {
    UseWeights(ModelFile(*reference_, all, {}, {{kQ, {one, {24, 16}}}}));
    return Model::Open(model_)->source_dtype();
  };
  EXPECT_EQ(dtype_with("BF16", "F32"), DType::kF32);
  EXPECT_EQ(dtype_with("F16", "F32"), DType::kF32);
  EXPECT_EQ(dtype_with("BF16", "F16"), DType::kF32);  // neither holds the other
  EXPECT_EQ(dtype_with("BF16", "BF16"), DType::kBF16);
}

TEST_F(Open, WhatIsMissing) {
  ExpectError(Code::kNotFound, {"nowhere", "no such folder"}, [&] { Model::Open(folder_ / "nowhere"); });
  ExpectError(Code::kNotFound, {"Model-7B: no such folder; nothing is downloaded", "--local-dir Model-7B"},
              [] { Model::Open("Model-7B"); });
  WriteText(folder_ / "file", "x");
  ExpectError(Code::kInvalidArgument, {"file", "not a folder"}, [&] { Model::Open(folder_ / "file"); });
  ExpectOpenError(Code::kNotFound, {model_, "model.safetensors"});
  WriteText(model_ + "/pytorch_model.bin", "");
  ExpectOpenError(Code::kNotFound, {model_, "pytorch_model.bin is pickled", "save_pretrained"});
  fs::remove(model_ + "/config.json");
  ExpectOpenError(Code::kNotFound, {"config.json"});
}

TEST_F(Open, ConfigErrorsNameTheFolder) {
  WriteText(model_ + "/config.json", "{");
  ExpectOpenError(Code::kInvalidArgument, {model_ + "/config.json", "JSON"});
  WriteText(model_ + "/config.json", TinyConfig("Llama", R"({"hidden_act": "mish"})"));
  ExpectOpenError(Code::kUnimplemented, {model_ + "/config.json", "hidden_act", "mish"});
  WriteText(model_ + "/config.json", TinyConfig("Llama") + std::string("\0garbage", 8));
  ExpectOpenError(Code::kInvalidArgument, {model_ + "/config.json", "not valid JSON", "NUL"});
}

TEST_F(Open, AFileThatIsNoRegularFileDoesNotBlock) {
  fs::remove(model_ + "/config.json");
  ASSERT_EQ(mkfifo((model_ + "/config.json").c_str(), 0600), 0);
  ExpectOpenError(Code::kInvalidArgument, {"config.json", "not a regular file"});
}

TEST_F(Open, AdaptersAreRefused) {
  UseWeights(ModelFile(*reference_));
  WriteText(model_ + "/adapter_config.json", "{}");
  ExpectOpenError(Code::kUnimplemented, {"adapter_config.json"});
}

TEST_F(Open, MissingAndExtraTensors) {
  UseWeights(ModelFile(*reference_, "F32", {kQ}));
  ExpectOpenError(Code::kInvalidArgument, {"model.safetensors", kQ, "missing"});
  for (const char* name :
       {"model.layers.2.mlp.up_proj.weight", "lm_head.bias", "model.layers.0.self_attn.q_proj.bias", "x.inv_freq"}) {
    FileBuilder file = ModelFile(*reference_);
    file.Add(name, "F32", {2});
    UseWeights(file);
    ExpectOpenError(Code::kInvalidArgument, {"model.safetensors", name, "not part of the model"});
  }
}

TEST_F(Open, RotaryBuffersAreIgnored) {
  FileBuilder file = ModelFile(*reference_);
  file.Add("model.layers.0.self_attn.rotary_emb.inv_freq", "F32", {3});
  file.AddRaw("model.layers.1.self_attn.rotary_emb.inv_freq", "F64", {1}, std::string(8, '\xff'));
  UseWeights(file);
  EXPECT_EQ(Model::Open(model_)->layout().parameters, reference_->layout().parameters);
}

// transformers takes them with or without the prefix of the class that has the head: those of folders that were saved without.
TEST_F(Open, NamesOfTheClassWithoutAHead) {
  for (const char* changes : {"{}", kTied}) {
    UseConfig(TinyConfig("Qwen3", changes));
    UseWeights(Renamed(ModelFile(*reference_), "model.", ""));
    const auto model = Model::Open(model_);
    const bool tied = changes == kTied;
    EXPECT_EQ(model->layout().parameters, reference_->layout().parameters);
    EXPECT_EQ(model->layout().units.front().tensors.front().name, "embed_tokens.weight");
    EXPECT_EQ(model->layout().units.back().tensors.back().name, tied ? "norm.weight" : "lm_head.weight");
  }
  UseWeights(Renamed(ModelFile(*reference_), "model.", "other."));
  ExpectOpenError(Code::kInvalidArgument, {"model.embed_tokens.weight", "missing", "other.embed_tokens.weight"});
}

TEST_F(Open, WrongShapesAndTypes) {
  const auto with = [&](const std::string& dtype, const std::vector<int64_t>& shape) {
    UseWeights(ModelFile(*reference_, "F32", {}, {{kQ, {dtype, shape}}}));
  };
  with("F32", {16, 24});
  ExpectOpenError(Code::kInvalidArgument, {"model.safetensors", kQ, "[16, 24]", "[24, 16]"});
  with("F32", {24 * 16});
  ExpectOpenError(Code::kInvalidArgument, {kQ, "[384]", "[24, 16]"});
  with("F32", {24, 16, 1});
  ExpectOpenError(Code::kInvalidArgument, {kQ, "[24, 16, 1]"});
  FileBuilder file = ModelFile(*reference_, "F32", {kQ});
  file.AddRaw(kQ, "I32", {24, 16}, std::string(24 * 16 * 4, '\0'));
  UseWeights(file);
  ExpectOpenError(Code::kInvalidArgument, {"model.safetensors", kQ, "I32", "F32, BF16 or F16"});
}

TEST_F(Open, ATiedHeadMustEqualTheEmbedding) {
  UseConfig(TinyConfig("Llama", R"({"tie_word_embeddings": true, "vocab_size": 5000})"));
  const FileBuilder without = ModelFile(*reference_);
  FileBuilder with = without;
  with.Add("lm_head.weight", "F32", {5000, 16});  // the same values as every tensor of this test
  UseWeights(with);
  EXPECT_EQ(Model::Open(model_)->layout().parameters, reference_->layout().parameters);

  with.data[with.data.size() - 2] ^= 1;  // one bit of the last element
  UseWeights(with);
  ExpectOpenError(Code::kInvalidArgument,
                  {"lm_head.weight", "element 79999", "model.embed_tokens.weight", "tie_word_embeddings"});

  FileBuilder narrow = without;
  narrow.Add("lm_head.weight", "F32", {4999, 16});
  UseWeights(narrow);
  ExpectOpenError(Code::kInvalidArgument, {"lm_head.weight", "[4999, 16]", "[5000, 16]"});
}

TEST_F(Open, AnUntiedModelNeedsItsHead) {
  UseWeights(ModelFile(*reference_, "F32", {"lm_head.weight"}));
  ExpectOpenError(Code::kInvalidArgument, {"lm_head.weight", "missing"});
}

TEST_F(Open, NanWeightsAreNamedWhenTheyAreRead) {
  FileBuilder file = ModelFile(*reference_);
  const size_t begin = file.header[kQ]["data_offsets"][0];
  file.data.replace(begin + 4 * 100, 4, std::string("\x00\x00\xc0\x7f", 4));
  UseWeights(file);
  const auto model = Model::Open(model_);
  int64_t unit = -1;
  const TensorSpec& q = *FindTensor(model->layout(), kQ, &unit);
  ExpectError(Code::kInvalidArgument, {"model.safetensors", kQ, "element 100", "NaN"}, [&] { ReadAll(*model, q); });
}

TEST_F(Open, ShardsAreTheSameModel) {
  UseWeights(ModelFile(*reference_));
  const auto single = Model::Open(model_);
  fs::remove(model_ + "/model.safetensors");
  UseShards();
  const auto sharded = Model::Open(model_);
  for (const UnitSpec& unit : single->layout().units) {
    for (const TensorSpec& tensor : unit.tensors) EXPECT_EQ(ReadAll(*single, tensor), ReadAll(*sharded, tensor)) << tensor.name;
  }
}

TEST_F(Open, BadIndices) {
  UseShards();
  const Json good = index_;
  const std::string index = "model.safetensors.index.json", first = "model-00001-of-00002.safetensors";
  const auto expect = [&](Code code, std::vector<std::string> fragments) {
    fragments.push_back(index);
    WriteIndex();
    ExpectOpenError(code, fragments);
    index_ = good;
  };
  for (const char* escape : {"../model.safetensors", "/etc/passwd", "a/b.safetensors", "..", ".hidden", "", "a\\u0000b"}) {
    index_["weight_map"][kQ] = Json::parse("\"" + std::string(escape) + "\"");
    expect(Code::kInvalidArgument, {"weight_map", "not a file of the folder"});
  }
  index_["weight_map"][kQ] = "model-00003-of-00002.safetensors";
  expect(Code::kNotFound, {"model-00003-of-00002.safetensors"});
  index_["weight_map"][kQ] = index_["weight_map"][kQ] == first ? "model-00002-of-00002.safetensors" : first;
  expect(Code::kInvalidArgument, {kQ, "lacks it"});
  index_["weight_map"]["model.layers.9.mlp.up_proj.weight"] = first;
  expect(Code::kInvalidArgument, {"model.layers.9.mlp.up_proj.weight", first, "lacks it"});
  index_["weight_map"].erase(kQ);
  expect(Code::kInvalidArgument, {kQ, "does not map"});
  index_["weight_map"][kQ] = 7;
  expect(Code::kInvalidArgument, {kQ, "7"});
  index_ = Json::array();
  expect(Code::kInvalidArgument, {"weight_map"});
  index_ = {{"weight_map", Json::object()}};
  expect(Code::kInvalidArgument, {"weight_map"});
  index_ = {{"metadata", {{"total_size", 3}}}};
  expect(Code::kInvalidArgument, {"weight_map"});
  WriteText(model_ + "/" + index, "{\"weight_map\": ");
  ExpectOpenError(Code::kInvalidArgument, {index, "not valid JSON"});
  WriteText(model_ + "/" + index, good.dump() + std::string(1, '\0'));
  ExpectOpenError(Code::kInvalidArgument, {index, "not valid JSON", "NUL"});
  WriteText(model_ + "/" + index, "{\"a\":" + std::string(100'000, '['));
  ExpectOpenError(Code::kInvalidArgument, {index, "nested deeper"});
}

TEST_F(Open, ATensorInTwoShards) {
  UseShards();
  FileBuilder copy;
  copy.Add(kQ, "F32", {24, 16});
  copy.Add("model.norm.weight", "F32", {16});
  WriteText(model_ + "/extra.safetensors", copy.Bytes());
  index_["weight_map"]["model.norm.weight"] = "extra.safetensors";
  WriteIndex();
  ExpectOpenError(Code::kInvalidArgument, {"also in"});
}

TEST_F(Open, ATruncatedShard) {
  UseShards();
  const std::string path = model_ + "/model-00002-of-00002.safetensors", bytes = ReadText(path);
  WriteText(path, bytes.substr(0, bytes.size() - 4));
  ExpectOpenError(Code::kDataLoss, {"model-00002-of-00002.safetensors", "tensor "});
}

}  // namespace
}  // namespace hlm
