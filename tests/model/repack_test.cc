// Folders whose weights are packed, saved as they are: the same tensors, types, shapes, settings and, where nothing was trained, bytes.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/model/safetensors.h"
#include "core/model/save_check.h"
#include "tests/model/packing.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

// Of all files of a folder: dtype, shape and bytes by name.
struct Stored {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
  bool operator==(const Stored&) const = default;
};
std::map<std::string, Stored> Tensors(const std::string& folder) {
  std::map<std::string, Stored> tensors;
  for (const std::string& name : List(folder)) {
    if (!name.ends_with(".safetensors")) continue;
    const SafetensorsFile file(folder + "/" + name);
    for (const TensorEntry& entry : file.tensors()) {
      std::string bytes(static_cast<size_t>(entry.end - entry.begin), '\0');
      file.ReadBytes(entry, 0, bytes.size(), bytes.data());
      EXPECT_TRUE(tensors.emplace(entry.name, Stored{entry.dtype, entry.shape, bytes}).second) << entry.name;
    }
  }
  return tensors;
}

template <class Number>
std::string Bytes(const std::vector<Number>& numbers) {
  std::string bytes(numbers.size() * sizeof(Number), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

constexpr const char* kFp8 =
    R"({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [5, 7],
        "modules_to_not_convert": ["lm_head", "model.layers.0.mlp.up_proj"]})";
constexpr const char* kNorm = "model.norm.weight";
constexpr const char* kGate = "model.layers.0.mlp.gate_proj.weight";

std::string Fp8Config(const std::string& quantization) {
  return TinyConfig("Llama", R"({"dtype": "bfloat16", "quantization_config": )" + quantization + "}");
}

// Every product of layer 1 and the gate of layer 0 in blocks of 5 x 7, a norm in F32, all else in BF16.
bool IsPacked(const TensorSpec& tensor) {
  return tensor.shape.size() == 2 && (tensor.name == kGate || tensor.name.find("layers.1.") != std::string::npos);
}
struct Fp8Source {
  TestFolder folder;
  std::string source = folder / "source", out = folder / "out";

  explicit Fp8Source(const std::string& quantization = kFp8, const std::string& scale_dtype = "F32",
                     const std::string& more = "") {
    const std::string config = Fp8Config(quantization);
    const auto model = Model::Create(TinyConfig("Llama"), 1);
    std::vector<std::string> packed;
    for (const UnitSpec& unit : model->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) {
        if (IsPacked(tensor)) packed.push_back(tensor.name);
      }
    }
    FileBuilder file = ModelFile(*model, "BF16", packed, {{kNorm, {"F32", {16}}}});
    for (const std::string& name : packed) {
      int64_t unit = 0;
      const std::vector<int64_t> shape = FindTensor(model->layout(), name, &unit)->shape;
      const int64_t rows = (shape[0] + 4) / 5, columns = (shape[1] + 6) / 7;
      std::string codes;
      for (int64_t i = 0; i < shape[0] * shape[1]; ++i) codes.push_back(static_cast<char>(i * 29 % 127 + i % 2 * 128));
      file.AddRaw(name, "F8_E4M3", shape, codes);
      std::vector<float> scales;
      for (int64_t i = 0; i < rows * columns; ++i) scales.push_back(0.37f * static_cast<float>(i + 1) / 448.0f);
      std::string bytes = Bytes(scales);
      if (scale_dtype != "F32") {
        bytes.clear();
        for (const float scale : scales) {
          const uint16_t narrow = scale_dtype == "BF16" ? FloatToBf16(scale) : FloatToF16(scale);
          bytes +=
              scale_dtype == "F8_E8M0" ? std::string(1, static_cast<char>(110 + scales.size() % 9)) : Bytes<uint16_t>({narrow});
        }
      }
      file.AddRaw(name + "_scale_inv", scale_dtype, {rows, columns}, bytes);
    }
    if (!more.empty()) file.AddRaw(more, "F32", {}, Bytes<float>({1}));
    mkdir(source.c_str(), 0755);
    WriteText(source + "/config.json", config);
    WriteText(source + "/model.safetensors", file.Bytes());
  }
};

// Scales that are no block's largest by 448 among them.
TEST(Repack, AnFp8FolderComesBackByteForByte) {
  for (const char* scale_dtype : {"F32", "BF16", "F8_E8M0"}) {
    SCOPED_TRACE(scale_dtype);
    const Fp8Source fp8(kFp8, scale_dtype);
    const auto model = Model::Open(fp8.source);
    SaveFolder(*model, WeightsOf(*model), fp8.out, {.repack = true});
    EXPECT_EQ(Tensors(fp8.out), Tensors(fp8.source));
    EXPECT_EQ(Json::parse(ReadText(fp8.out + "/config.json")), Json::parse(ReadText(fp8.source + "/config.json")));
    // As the trainer holds them without a master.
    const TensorReader rounded = [&](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
      model->weights().Read(tensor, begin, n, out);
      for (int64_t i = 0; i < n; ++i) out[i] = Bf16ToFloat(FloatToBf16(out[i]));
    };
    SaveFolder(*model, rounded, fp8.out + "-rounded", {.repack = true});
    EXPECT_EQ(Tensors(fp8.out + "-rounded"), Tensors(fp8.source));
  }
}

TEST(Repack, ShardsKeepScalesBesideTheirCodes) {
  const Fp8Source fp8;
  const auto model = Model::Open(fp8.source);
  constexpr int64_t kLimit = 1500;
  SaveFolder(*model, WeightsOf(*model), fp8.out, {.repack = true, .max_shard_bytes = kLimit});
  EXPECT_EQ(Tensors(fp8.out), Tensors(fp8.source));
  const Json index = Json::parse(ReadText(fp8.out + "/model.safetensors.index.json"));
  EXPECT_EQ(index["weight_map"].size(), Tensors(fp8.source).size());
  EXPECT_EQ(index["weight_map"][kGate], index["weight_map"][std::string(kGate) + "_scale_inv"]);
  int64_t total = 0;
  for (const auto& [name, stored] : Tensors(fp8.out)) total += static_cast<int64_t>(stored.bytes.size());
  EXPECT_EQ(index["metadata"]["total_size"], total);
  EXPECT_EQ(Model::Open(fp8.out)->source_quantization(), "fp8");
}

TEST(Repack, EveryTensorIsAligned) {
  const Fp8Source fp8(kFp8, "F8_E8M0");
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
  auto tensors = Tensors(fp8.out);
  const Stored& codes = tensors[kGate];
  const std::string& scales = tensors[std::string(kGate) + "_scale_inv"].bytes;
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
  auto tensors = Tensors(fp8.out);
  for (const auto& [name, stored] : tensors) EXPECT_EQ(stored.dtype, name == kNorm ? "F32" : "BF16") << name;
  EXPECT_EQ(tensors.count(std::string(kGate) + "_scale_inv"), 0u);
  EXPECT_EQ(Json::parse(ReadText(fp8.out + "/config.json")).count("quantization_config"), 0u);
  // Nothing is packed here: the source's type, whoever asks.
  const auto plain = Model::Open(fp8.out);
  SaveFolder(*plain, WeightsOf(*plain), fp8.out + "-plain", {.repack = true});
  for (const auto& [name, stored] : Tensors(fp8.out + "-plain")) EXPECT_EQ(stored.dtype, "F32") << name;
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
  std::string fixed = kFp8;
  fixed.replace(fixed.find("dynamic"), 7, "static");
  refused(Fp8Source(fixed), {"source/config.json", "quantization_config", "activation_scheme = \"static\"", "bf16"});
  refused(Fp8Source(kFp8, "F16"), {"model.safetensors", "weight_scale_inv", "F16", "bf16"});
  refused(Fp8Source(kFp8, "F32", "model.layers.0.mlp.gate_proj.activation_scale"),
          {"model.safetensors", "model.layers.0.mlp.gate_proj.activation_scale"});
}

TEST(Repack, ACheckedSaveTellsThePackedBytes) {
  const Fp8Source fp8;
  const auto model = Model::Open(fp8.source);
  int64_t bytes = 0;
  for (const auto& [name, stored] : Tensors(fp8.source)) bytes += static_cast<int64_t>(stored.bytes.size());
  EXPECT_EQ(CheckSave(*model, fp8.out, {.repack = true}), bytes);
  EXPECT_GT(CheckSave(*model, fp8.out, {}), bytes);
}

TEST(Repack, NumbersThatAreNoneAreNamed) {
  const Fp8Source fp8;
  const auto model = Model::Open(fp8.source);
  const TensorReader bad = [](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
    for (int64_t i = 0; i < n; ++i) out[i] = tensor.name == kGate && begin + i == 9 ? NAN : 1.0f;
  };
  ExpectError(Code::kFailedPrecondition, {kGate, "element 9", "NaN"},
              [&] { SaveFolder(*model, bad, fp8.out, {.repack = true}); });
}

// One scale of a whole tensor.
TEST(Repack, AScaleOfTheWholeTensorIsWritten) {
  const TestFolder folder;
  const std::string config = Fp8Config(R"({"quant_method": "fp8", "weight_block_size": null})");
  const auto model = Model::Create(TinyConfig("Llama"), 1);
  FileBuilder file = ModelFile(*model, "BF16", {kGate});
  file.AddRaw(kGate, "F8_E4M3", {24, 16}, std::string(384, '\x31'));
  file.AddRaw(std::string(kGate) + "_scale_inv", "F32", {}, Bytes<float>({0.125f}));
  WriteText(folder / "config.json", config);
  WriteText(folder / "model.safetensors", file.Bytes());
  const auto opened = Model::Open(folder.path());
  const TestFolder other;
  SaveFolder(*opened, WeightsOf(*opened), other / "same", {.repack = true});
  EXPECT_EQ(Tensors(other / "same"), Tensors(folder.path()));
  const TensorReader trained = [](const TensorSpec&, int64_t begin, int64_t n, float* out) {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(begin + i) / 383;
  };
  SaveFolder(*opened, trained, other / "trained", {.repack = true});
  EXPECT_EQ(Tensors(other / "trained")[std::string(kGate) + "_scale_inv"].bytes, Bytes<float>({1.0f / 448.0f}));
}

constexpr const char* kGptOss =
    R"({"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 41, "max_position_embeddings": 64, "sliding_window": 4,
        "num_local_experts": 3, "num_experts_per_tok": 1, "rope_theta": 10000.0, "torch_dtype": "bfloat16",
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]}})";

TEST(Repack, AnMxfp4FolderComesBackByteForByte) {
  const TestFolder folder;
  const std::string source = folder / "source", out = folder / "out";
  const auto model = Model::Create(kGptOss, 1);
  std::vector<std::pair<std::string, std::vector<int64_t>>> packed;
  std::vector<std::string> names;
  for (int layer = 0; layer < 2; ++layer) {
    const std::string experts = "model.layers." + std::to_string(layer) + ".mlp.experts.";
    packed.push_back({experts + "gate_up_proj", {3, 128, 1}});
    packed.push_back({experts + "down_proj", {3, 32, 2}});
  }
  for (const auto& [name, shape] : packed) names.push_back(name);
  FileBuilder file = ModelFile(*model, "BF16", names);
  for (const auto& [name, shape] : packed) {
    std::string blocks, scales;
    const int64_t count = shape[0] * shape[1] * shape[2];
    for (int64_t b = 0; b < count; ++b) {
      scales.push_back(static_cast<char>(118 + b % 7));
      for (int64_t i = 0; i < 16; ++i) blocks.push_back(static_cast<char>(i == 3 ? 0x61 : (b * 31 + i * 7) % 256));
    }
    file.AddRaw(name + "_blocks", "U8", {shape[0], shape[1], shape[2], 16}, blocks);
    file.AddRaw(name + "_scales", "U8", shape, scales);
  }
  mkdir(source.c_str(), 0755);
  WriteText(source + "/config.json", kGptOss);
  WriteText(source + "/model.safetensors", file.Bytes());
  const auto opened = Model::Open(source);
  SaveFolder(*opened, WeightsOf(*opened), out, {.repack = true});
  EXPECT_EQ(Tensors(out), Tensors(source));
  EXPECT_EQ(Json::parse(ReadText(out + "/config.json")), Json::parse(kGptOss));
  SaveFolder(*opened, WeightsOf(*opened), out + "-bf16", {});
  for (const auto& [name, stored] : Tensors(out + "-bf16")) EXPECT_EQ(stored.dtype, "BF16") << name;
  EXPECT_EQ(Json::parse(ReadText(out + "-bf16/config.json")).count("quantization_config"), 0u);
}

}  // namespace
}  // namespace hlm
