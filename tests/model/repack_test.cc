// Folders whose weights are packed, saved as they are: the same tensors, types, shapes, settings and, where nothing was trained, bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/model/safetensors.h"
#include "core/model/save_check.h"
#include "tests/model/packed_folders.h"
#include "tests/model/packing.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

struct Fp8Source {
  TestFolder folder;
  std::string source = folder / "source", out = folder / "out";

  explicit Fp8Source(const std::string& quantization = kFp8Blocks, const std::string& scale_dtype = "F32",
                     const std::string& more = "") {
    WriteFp8Folder(source, quantization, scale_dtype, more);
  }
};

// Scales that are no block's largest by 448 among them.
TEST(Repack, AnFp8FolderComesBackByteForByte) {
  for (const char* scale_dtype : {"F32", "BF16", "F8_E8M0"}) {
    SCOPED_TRACE(scale_dtype);
    const Fp8Source fp8(kFp8Blocks, scale_dtype);
    const auto model = Model::Open(fp8.source);
    SaveFolder(*model, WeightsOf(*model), fp8.out, {.repack = true});
    EXPECT_EQ(TensorsOf(fp8.out), TensorsOf(fp8.source));
    EXPECT_EQ(Json::parse(ReadText(fp8.out + "/config.json")), Json::parse(ReadText(fp8.source + "/config.json")));
    // As the trainer holds them without a master.
    const TensorReader rounded = [&](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
      model->weights().Read(tensor, begin, n, out);
      for (int64_t i = 0; i < n; ++i) out[i] = Bf16ToFloat(FloatToBf16(out[i]));
    };
    SaveFolder(*model, rounded, fp8.out + "-rounded", {.repack = true});
    EXPECT_EQ(TensorsOf(fp8.out + "-rounded"), TensorsOf(fp8.source));
  }
}

TEST(Repack, ShardsKeepScalesBesideTheirCodes) {
  const Fp8Source fp8;
  const auto model = Model::Open(fp8.source);
  constexpr int64_t kLimit = 1500;
  SaveFolder(*model, WeightsOf(*model), fp8.out, {.repack = true, .max_shard_bytes = kLimit});
  EXPECT_EQ(TensorsOf(fp8.out), TensorsOf(fp8.source));
  const Json index = Json::parse(ReadText(fp8.out + "/model.safetensors.index.json"));
  EXPECT_EQ(index["weight_map"].size(), TensorsOf(fp8.source).size());
  EXPECT_EQ(index["weight_map"][kFp8Gate], index["weight_map"][std::string(kFp8Gate) + "_scale_inv"]);
  int64_t total = 0;
  for (const auto& [name, stored] : TensorsOf(fp8.out)) total += static_cast<int64_t>(stored.bytes.size());
  EXPECT_EQ(index["metadata"]["total_size"], total);
  EXPECT_EQ(Model::Open(fp8.out)->source_quantization(), "fp8");
}

TEST(Repack, EveryTensorIsAligned) {
  const Fp8Source fp8(kFp8Blocks, "F8_E8M0");
  const auto model = Model::Open(fp8.source);
  SaveFolder(*model, WeightsOf(*model), fp8.out, {.repack = true});
  const SafetensorsFile file(fp8.out + "/model.safetensors");
  for (const TensorEntry& entry : file.tensors())
    EXPECT_EQ(entry.begin % (entry.dtype == "F32" ? 4 : entry.dtype == "BF16" ? 2 : 1), 0) << entry.name;
}

TEST(Repack, TrainedBlocksAreThoseOfAPlainLoop) {
  const Fp8Source fp8;
  const auto model = Model::Open(fp8.source);
  const auto value = [](int64_t i) { return std::sin(static_cast<float>(i) * 0.7f) * 0.02f; };
  const TensorReader trained = [&](const TensorSpec&, int64_t begin, int64_t n, float* out) {
    for (int64_t i = 0; i < n; ++i) out[i] = value(begin + i);
  };
  SaveFolder(*model, trained, fp8.out, {.repack = true});
  auto tensors = TensorsOf(fp8.out);
  const StoredTensor& codes = tensors[kFp8Gate];
  const std::string& scales = tensors[std::string(kFp8Gate) + "_scale_inv"].bytes;
  const int64_t rows = codes.shape[0], columns = codes.shape[1], across = (columns + 6) / 7;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      float largest = 0, scale = 0;
      for (int64_t y = r / 5 * 5; y < std::min(rows, r / 5 * 5 + 5); ++y) {
        for (int64_t x = c / 7 * 7; x < std::min(columns, c / 7 * 7 + 7); ++x)
          largest = std::max(largest, std::fabs(value(y * columns + x)));
      }
      std::memcpy(&scale, scales.data() + 4 * (r / 5 * across + c / 7), 4);
      EXPECT_EQ(scale, largest / 448.0f);
      EXPECT_EQ(static_cast<uint8_t>(codes.bytes[static_cast<size_t>(r * columns + c)]),
                NearestE4m3ByHand(static_cast<double>(value(r * columns + c)) / static_cast<double>(scale)));
    }
  }
}

TEST(Repack, OnlyWhoAsksForItGetsIt) {
  const Fp8Source fp8;
  const auto model = Model::Open(fp8.source);
  SaveFolder(*model, WeightsOf(*model), fp8.out, {});
  auto tensors = TensorsOf(fp8.out);
  for (const auto& [name, stored] : tensors) EXPECT_EQ(stored.dtype, name == kFp8Norm ? "F32" : "BF16") << name;
  EXPECT_EQ(tensors.count(std::string(kFp8Gate) + "_scale_inv"), 0u);
  EXPECT_EQ(Json::parse(ReadText(fp8.out + "/config.json")).count("quantization_config"), 0u);
  // Nothing is packed here: the source's type, whoever asks.
  const auto plain = Model::Open(fp8.out);
  SaveFolder(*plain, WeightsOf(*plain), fp8.out + "-plain", {.repack = true});
  for (const auto& [name, stored] : TensorsOf(fp8.out + "-plain")) EXPECT_EQ(stored.dtype, "F32") << name;
  EXPECT_EQ(Json::parse(ReadText(fp8.out + "-plain/config.json"))["dtype"], "float32");
}

TEST(Repack, WhatIsNotWrittenIsRefusedBeforeAndByName) {
  const auto refused = [](const Fp8Source& fp8, const std::vector<std::string>& fragments) {
    const auto model = Model::Open(fp8.source);
    const SaveOptions repack{.repack = true};
    ExpectError(Code::kUnimplemented, fragments, [&] { CheckSave(*model, fp8.out, repack); });
    ExpectError(Code::kUnimplemented, fragments, [&] { SaveFolder(*model, WeightsOf(*model), fp8.out, repack); });
    EXPECT_EQ(List(fp8.folder.path()), std::vector<std::string>{"source"});
    SaveFolder(*model, WeightsOf(*model), fp8.out, {});
  };
  std::string fixed = kFp8Blocks;
  fixed.replace(fixed.find("dynamic"), 7, "static");
  refused(Fp8Source(fixed), {"source/config.json", "quantization_config", "activation_scheme = \"static\"", "bf16"});
  refused(Fp8Source(kFp8Blocks, "F16"), {"model.safetensors", "weight_scale_inv", "F16", "bf16"});
  refused(Fp8Source(kFp8Blocks, "F32", "model.layers.0.mlp.gate_proj.activation_scale"),
          {"model.safetensors", "model.layers.0.mlp.gate_proj.activation_scale"});
}

TEST(Repack, ACheckedSaveTellsThePackedBytes) {
  const Fp8Source fp8;
  const auto model = Model::Open(fp8.source);
  int64_t bytes = 0;
  for (const auto& [name, stored] : TensorsOf(fp8.source)) bytes += static_cast<int64_t>(stored.bytes.size());
  EXPECT_EQ(CheckSave(*model, fp8.out, {.repack = true}), bytes);
  EXPECT_GT(CheckSave(*model, fp8.out, {}), bytes);
}

TEST(Repack, NumbersThatAreNoneAreNamed) {
  const Fp8Source fp8;
  const auto model = Model::Open(fp8.source);
  const TensorReader bad = [](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
    for (int64_t i = 0; i < n; ++i) out[i] = tensor.name == kFp8Gate && begin + i == 9 ? NAN : 1.0f;
  };
  ExpectError(Code::kFailedPrecondition, {kFp8Gate, "element 9", "NaN"},
              [&] { SaveFolder(*model, bad, fp8.out, {.repack = true}); });
}

// One scale of a whole tensor.
TEST(Repack, AScaleOfTheWholeTensorIsWritten) {
  const TestFolder folder;
  const std::string config =
      TinyConfig("Llama", R"({"quantization_config": {"quant_method": "fp8", "weight_block_size": null}})");
  const auto model = Model::Create(TinyConfig("Llama"), 1);
  FileBuilder file = ModelFile(*model, "BF16", {kFp8Gate});
  file.AddRaw(kFp8Gate, "F8_E4M3", {24, 16}, std::string(384, '\x31'));
  file.AddRaw(std::string(kFp8Gate) + "_scale_inv", "F32", {}, BytesOf<float>({0.125f}));
  WriteText(folder / "config.json", config);
  WriteText(folder / "model.safetensors", file.Bytes());
  const auto opened = Model::Open(folder.path());
  const TestFolder other;
  SaveFolder(*opened, WeightsOf(*opened), other / "same", {.repack = true});
  EXPECT_EQ(TensorsOf(other / "same"), TensorsOf(folder.path()));
  const TensorReader trained = [](const TensorSpec&, int64_t begin, int64_t n, float* out) {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(begin + i) / 383;
  };
  SaveFolder(*opened, trained, other / "trained", {.repack = true});
  EXPECT_EQ(TensorsOf(other / "trained")[std::string(kFp8Gate) + "_scale_inv"].bytes, BytesOf<float>({1.0f / 448.0f}));
}

// Blocks are those of the file, however the slab has the matrix.
TEST(Repack, MatricesThatLieOtherwiseOnDiskComeBackByteForByte) {
  const TestFolder folder, other;
  const std::string config = R"({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 40, "n_embd": 16,
      "n_layer": 1, "n_head": 2, "n_positions": 32, "quantization_config": {"quant_method": "fp8", "weight_block_size": [5, 7]}})";
  const auto model = Model::Create(config, 1);
  const TensorSpec* turned = nullptr;
  for (const TensorSpec& tensor : model->layout().units[1].tensors) {
    if (tensor.order != nullptr && tensor.order->transposed && tensor.shape[0] != tensor.shape[1]) turned = &tensor;
  }
  ASSERT_NE(turned, nullptr);
  FileBuilder file = ModelFile(*model, "BF16", {turned->name});
  std::string codes;
  for (int64_t i = 0; i < turned->elements; ++i) codes.push_back(static_cast<char>(i * 11 % 127 + i % 3 / 2 * 128));
  file.AddRaw(turned->name, "F8_E4M3", turned->shape, codes);
  const int64_t rows = (turned->shape[0] + 4) / 5, columns = (turned->shape[1] + 6) / 7;
  std::vector<float> scales;
  for (int64_t i = 0; i < rows * columns; ++i) scales.push_back(0.01f * static_cast<float>(i + 1));
  file.AddRaw(turned->name + "_scale_inv", "F32", {rows, columns}, BytesOf(scales));
  WriteText(folder / "config.json", config);
  WriteText(folder / "model.safetensors", file.Bytes());
  const auto opened = Model::Open(folder.path());
  SaveFolder(*opened, WeightsOf(*opened), other / "out", {.repack = true});
  EXPECT_EQ(TensorsOf(other / "out"), TensorsOf(folder.path()));
}

TEST(Repack, AnMxfp4FolderComesBackByteForByte) {
  const TestFolder folder;
  const std::string source = folder / "source", out = folder / "out";
  WriteMxfp4Folder(source);
  const auto opened = Model::Open(source);
  SaveFolder(*opened, WeightsOf(*opened), out, {.repack = true});
  EXPECT_EQ(TensorsOf(out), TensorsOf(source));
  EXPECT_EQ(Json::parse(ReadText(out + "/config.json")), Json::parse(ReadText(source + "/config.json")));
  SaveFolder(*opened, WeightsOf(*opened), out + "-bf16", {});
  for (const auto& [name, stored] : TensorsOf(out + "-bf16")) EXPECT_EQ(stored.dtype, "BF16") << name;
  EXPECT_EQ(Json::parse(ReadText(out + "-bf16/config.json")).count("quantization_config"), 0u);
}

}  // namespace
}  // namespace hlm
