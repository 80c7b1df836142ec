// Saving a Hugging Face folder: whole, beside what is there, and with all that belongs to it.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "core/base/dtype.h"
#include "core/model/safetensors.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class Save : public ::testing::Test {
 protected:
  void SetUp() override { WriteModelFolder(source_, TinyConfig("Qwen2", R"({"torch_dtype": "bfloat16"})"), "BF16"); }

  void SaveTo(const std::string& folder, const SaveOptions& options = {}) {
    const auto model = Model::Open(source_);
    SaveFolder(*model, WeightsOf(*model), folder, options);
  }
  static void ExpectSameWeights(const Model& a, const Model& b) {
    for (const UnitSpec& unit : a.layout().units) {
      for (const TensorSpec& tensor : unit.tensors) EXPECT_EQ(ReadAll(a, tensor), ReadAll(b, tensor)) << tensor.name;
    }
  }

  TestFolder folder_;
  std::string source_ = folder_ / "source", out_ = folder_ / "out";
};

TEST_F(Save, RoundTripInTheSourcesType) {
  SaveTo(out_);
  EXPECT_EQ(List(folder_.path()), (Names{"out", "source"}));
  EXPECT_EQ(List(out_), (Names{"config.json", "model.safetensors"}));
  const auto before = Model::Open(source_), after = Model::Open(out_);
  EXPECT_EQ(after->source_dtype(), DType::kBF16);
  EXPECT_EQ(after->layout().parameters, before->layout().parameters);
  ExpectSameWeights(*before, *after);
}

TEST_F(Save, TheTypeIsChosenByOptionThenSourceThenDefault) {
  for (const DType type : {DType::kF32, DType::kBF16, DType::kF16}) {
    const std::string out = folder_ / Name(type);
    SaveTo(out, {.dtype = type});
    const auto saved = Model::Open(out);
    EXPECT_EQ(saved->source_dtype(), type);
    const char* text = type == DType::kF32 ? "float32" : type == DType::kBF16 ? "bfloat16" : "float16";
    EXPECT_EQ(Json::parse(ReadText(out + "/config.json"))["torch_dtype"], text);
    ExpectSameWeights(*Model::Open(source_), *saved);
    const auto seeded = Model::Create(TinyConfig("Llama"), 1);
    SaveFolder(*seeded, WeightsOf(*seeded), out + "-seeded", {.default_dtype = type});
    EXPECT_EQ(Model::Open(out + "-seeded")->source_dtype(), type);
  }
}

TEST_F(Save, SeededWeightsComeBackExactlyInF32) {
  const auto model = Model::Create(TinyConfig("Qwen3", R"({"tie_word_embeddings": true})"), 5);
  SaveFolder(*model, WeightsOf(*model), out_, {.dtype = DType::kF32});
  ExpectSameWeights(*model, *Model::Open(out_));
  const SafetensorsFile file(out_ + "/model.safetensors");
  for (const TensorEntry& entry : file.tensors()) EXPECT_NE(entry.name, "lm_head.weight");
}

TEST_F(Save, ShardsAreWithinTheLimitAndHaveAnIndex) {
  constexpr int64_t kLimit = 2000;
  SaveTo(out_, {.max_shard_bytes = kLimit});
  const Json index = Json::parse(ReadText(out_ + "/model.safetensors.index.json"));
  std::set<std::string> shards;
  for (const auto& [name, shard] : index["weight_map"].items()) shards.insert(shard.get<std::string>());
  ASSERT_GT(shards.size(), 2u);
  EXPECT_EQ(List(out_).size(), shards.size() + 2);
  EXPECT_FALSE(fs::exists(out_ + "/model.safetensors"));
  int64_t total = 0;
  for (const std::string& shard : shards) {
    const SafetensorsFile file(out_ + "/" + shard);
    int64_t bytes = 0;
    for (const TensorEntry& entry : file.tensors()) bytes += entry.end - entry.begin;
    EXPECT_TRUE(bytes <= kLimit || file.tensors().size() == 1) << shard;
    total += bytes;
  }
  EXPECT_EQ(index["metadata"]["total_size"], total);
  ExpectSameWeights(*Model::Open(source_), *Model::Open(out_));
  ExpectError(Code::kInvalidArgument, {"max_shard_bytes", "0"}, [&] { SaveTo(folder_ / "other", {.max_shard_bytes = 0}); });
}

TEST_F(Save, OtherFilesAreCarriedWeightsAreNot) {
  const std::string tokenizer(3'000'000, 't');
  WriteText(source_ + "/tokenizer.json", tokenizer);
  WriteText(source_ + "/merges.txt", "");
  WriteText(source_ + "/.gitattributes", "x");
  WriteText(folder_ / "blob", "licence");
  fs::create_symlink(folder_ / "blob", source_ + "/LICENSE");  // a downloaded snapshot is a folder of links
  for (const char* weights :
       {"pytorch_model.bin", "pytorch_model.bin.index.json", "model-00001-of-00009.safetensors", "x.GGUF", "tf_model.h5",
        "flax_model.msgpack", "consolidated.00.pth", "optimizer.pt", "model.safetensors.index.json"}) {
    WriteText(source_ + "/" + weights, "w");
  }
  fs::create_directory(source_ + "/original");
  fs::create_symlink("/nowhere", source_ + "/dangling");
  SaveTo(out_);
  EXPECT_EQ(List(out_), (Names{".gitattributes", "LICENSE", "config.json", "merges.txt", "model.safetensors", "tokenizer.json"}));
  EXPECT_EQ(ReadText(out_ + "/tokenizer.json"), tokenizer);
  EXPECT_EQ(ReadText(out_ + "/LICENSE"), "licence");
  EXPECT_FALSE(fs::is_symlink(out_ + "/LICENSE"));
}

TEST_F(Save, AnExistingFolderWithSomethingInItIsKept) {
  fs::create_directory(out_);
  WriteText(out_ + "/precious", "1");
  ExpectError(Code::kAlreadyExists, {out_, "not empty"}, [&] { SaveTo(out_); });
  EXPECT_EQ(List(out_), Names{"precious"});
  EXPECT_EQ(List(folder_.path()), (Names{"out", "source"}));
}

TEST_F(Save, AnEmptyFolderIsFilled) {
  fs::create_directory(out_);
  SaveTo(out_ + "/");
  EXPECT_EQ(List(out_), (Names{"config.json", "model.safetensors"}));
  EXPECT_EQ(List(folder_.path()), (Names{"out", "source"}));
}

TEST_F(Save, OverwriteReplacesASavedModel) {
  WriteText(source_ + "/NOTES", "of the source");
  WriteText(source_ + "/tokenizer.json", "tok");
  SaveTo(out_, {.max_shard_bytes = 2000});
  ASSERT_GT(List(out_).size(), 5u);
  WriteText(source_ + "/tokenizer.json", "another");  // a tokenizer's file is one whatever is in it
  SaveTo(out_, {.overwrite = true});
  EXPECT_EQ(List(out_), (Names{"NOTES", "config.json", "model.safetensors", "tokenizer.json"}));
  EXPECT_EQ(List(folder_.path()), (Names{"out", "source"}));
}

// Beside a saved model, or instead of one: each is somebody's, and stays.
TEST_F(Save, OverwriteKeepsWhatNoSaveWrote) {
  SaveTo(out_);
  const Names before = List(out_);
  for (const char* path : {"thesis.txt", "pytorch_model.bin", "adapter_model.safetensors", "model-1-of-2.safetensors",
                           ".git/HEAD", "sub/model.safetensors", "step-000000000001/config.json",
                           "additional_chat_templates/notes.txt", "train.jsonl", "README.md"}) {
    SCOPED_TRACE(path);
    fs::create_directories(fs::path(out_ + "/" + path).parent_path());
    WriteText(out_ + "/" + path, "mine");
    ExpectError(Code::kFailedPrecondition, {out_, path}, [&] { SaveTo(out_, {.overwrite = true}); });
    EXPECT_EQ(ReadText(out_ + "/" + path), "mine");
    fs::remove_all(out_ + "/" + std::string(path).substr(0, std::string(path).find('/')));
    EXPECT_EQ(List(out_), before);
  }
  fs::create_directory(out_ + "/empty");
  ExpectError(Code::kFailedPrecondition, {out_, "empty"}, [&] { SaveTo(out_, {.overwrite = true}); });
  fs::remove_all(out_);
  fs::create_directory(out_);
  WriteText(out_ + "/tokenizer.json", "mine");
  ExpectError(Code::kFailedPrecondition, {out_, "config.json"}, [&] { SaveTo(out_, {.overwrite = true}); });
  EXPECT_EQ(List(folder_.path()), (Names{"out", "source"}));
}

// What a save has copied from the source is its own only as long as nobody has changed it.
TEST_F(Save, OverwriteKeepsACopyThatWasChanged) {
  WriteText(source_ + "/README.md", "of the source");
  SaveTo(out_);
  SaveTo(out_, {.overwrite = true});
  WriteText(out_ + "/README.md", "of the user's");
  ExpectError(Code::kFailedPrecondition, {out_, "README.md"}, [&] { SaveTo(out_, {.overwrite = true}); });
  EXPECT_EQ(ReadText(out_ + "/README.md"), "of the user's");
}

TEST_F(Save, TokenizersAndTemplatesInSubFoldersAreCarried) {
  for (const char* folder : {"additional_chat_templates", "tokenizer", "original", ".cache", "checkpoint-5", "onnx"})
    fs::create_directory(source_ + "/" + folder);
  for (const char* path :
       {"additional_chat_templates/tool_use.jinja", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json",
        "original/tokenizer.model", "original/params.json", "original/consolidated.00.pth", ".cache/tokenizer.json",
        "checkpoint-5/tokenizer.json", "checkpoint-5/config.json", "onnx/model.onnx", "additional_chat_templates/README"}) {
    WriteText(source_ + "/" + path, path);
  }
  for (int time = 0; time < 2; ++time) SaveTo(out_, {.overwrite = true});
  EXPECT_EQ(List(out_), (Names{"additional_chat_templates", "config.json", "model.safetensors", "original", "tokenizer"}));
  EXPECT_EQ(List(out_ + "/additional_chat_templates"), Names{"tool_use.jinja"});
  EXPECT_EQ(List(out_ + "/original"), Names{"tokenizer.model"});
  EXPECT_EQ(List(out_ + "/tokenizer"), (Names{"tokenizer.json", "tokenizer_config.json"}));
  EXPECT_EQ(ReadText(out_ + "/tokenizer/tokenizer.json"), "tokenizer/tokenizer.json");
}

TEST_F(Save, OverTheSourceItself) {
  WriteText(source_ + "/tokenizer.json", "tok");
  const auto model = Model::Open(source_);
  const std::vector<float> before = ReadAll(*model, model->layout().units[0].tensors[0]);
  ExpectError(Code::kAlreadyExists, {source_}, [&] { SaveFolder(*model, WeightsOf(*model), source_, {}); });
  for (int time = 0; time < 2; ++time) {  // the open model stays readable: it holds its files
    SaveFolder(*model, WeightsOf(*model), source_, {.dtype = DType::kF32, .overwrite = true});
    EXPECT_EQ(List(source_), (Names{"config.json", "model.safetensors", "tokenizer.json"}));
    EXPECT_EQ(ReadText(source_ + "/tokenizer.json"), "tok");
  }
  const auto after = Model::Open(source_);
  EXPECT_EQ(after->source_dtype(), DType::kF32);
  EXPECT_EQ(ReadAll(*after, after->layout().units[0].tensors[0]), before);
}

TEST_F(Save, InsideOrAroundTheSourceIsRefused) {
  ExpectError(Code::kInvalidArgument, {"inside the source"}, [&] { SaveTo(source_ + "/out"); });
  EXPECT_EQ(List(source_), (Names{"config.json", "model.safetensors"}));
  ExpectError(Code::kInvalidArgument, {"holds the source"}, [&] { SaveTo(folder_.path(), {.overwrite = true}); });
  EXPECT_EQ(List(folder_.path()), Names{"source"});
  SaveTo(folder_ / "source2");  // a name that merely begins alike
  EXPECT_TRUE(fs::exists(folder_ / "source2/config.json"));
}

TEST_F(Save, TheWorkingDirectoryIsNotReplaced) {
  fs::create_directories(out_ + "/below");
  const fs::path former = fs::current_path();
  fs::current_path(out_ + "/below");
  ExpectError(Code::kInvalidArgument, {"working directory"}, [&] { SaveTo(out_, {.overwrite = true}); });
  ExpectError(Code::kInvalidArgument, {"working directory"}, [&] { SaveTo("."); });
  ExpectError(Code::kInvalidArgument, {"working directory"}, [&] { SaveTo("/", {.overwrite = true}); });
  SaveTo("relative");
  fs::current_path(former);
  EXPECT_EQ(List(out_ + "/below"), Names{"relative"});
}

TEST_F(Save, ALinkStandsForItsFolder) {
  fs::create_directory(folder_ / "real");
  fs::create_symlink(folder_ / "real", out_);
  SaveTo(out_);
  EXPECT_TRUE(fs::is_symlink(out_));
  EXPECT_EQ(List(folder_ / "real"), (Names{"config.json", "model.safetensors"}));
  fs::create_symlink(folder_ / "nowhere", folder_ / "dangling");
  ExpectError(Code::kFailedPrecondition, {"dangling", "leads nowhere"}, [&] { SaveTo(folder_ / "dangling"); });
}

TEST_F(Save, PlacesThatCannotBeWritten) {
  WriteText(folder_ / "file", "x");
  ExpectError(Code::kInvalidArgument, {"file", "not a folder"}, [&] { SaveTo(folder_ / "file"); });
  ExpectError(Code::kInvalidArgument, {"file", "not a folder"}, [&] { SaveTo(folder_ / "file", {.overwrite = true}); });
  ExpectError(Code::kFailedPrecondition, {"file"}, [&] { SaveTo(folder_ / "file/out"); });
  ExpectError(Code::kNotFound, {"nowhere"}, [&] { SaveTo(folder_ / "nowhere/out"); });
  ExpectError(Code::kInvalidArgument, {"empty name"}, [&] { SaveTo(""); });
  // Where nobody makes a folder, root neither: the error names what was asked for, not what is written first.
  ExpectError(Code::kNotFound, {"cannot create /proc/out: "}, [&] { SaveTo("/proc/out"); });
  ExpectError(Code::kInvalidArgument, {"too long"}, [&] { SaveTo(folder_ / std::string(300, 'n')); });
  EXPECT_EQ(ReadText(folder_ / "file"), "x");
  EXPECT_EQ(List(folder_.path()), (Names{"file", "source"}));
}

TEST_F(Save, AReaderThatThrowsLeavesNothing) {
  const auto model = Model::Open(source_);
  const auto read = [](const TensorSpec& tensor, int64_t, int64_t n, float* out) {
    if (tensor.name == "model.norm.weight") throw Error(Code::kCancelled, "stop");
    std::fill_n(out, n, 1.0f);
  };
  ExpectError(Code::kCancelled, {"stop"}, [&] { SaveFolder(*model, read, out_, {}); });
  EXPECT_EQ(List(folder_.path()), Names{"source"});
}

}  // namespace
}  // namespace hlm
