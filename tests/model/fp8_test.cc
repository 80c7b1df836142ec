// Weights in eight bits with a scale for each block: read as the numbers that the format says, refused where they do not fit.
#include "core/model/fp8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/model/config.h"
#include "tests/model/packing.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

constexpr const char* kName = "model.layers.0.mlp.gate_proj.weight";
constexpr const char* kScales = "model.layers.0.mlp.gate_proj.weight_scale_inv";

TEST(Fp8, EveryCodeIsWhatTheFormatSays) {
  for (unsigned code = 0; code < 256; ++code) {
    const float value = E4m3ToFloat(static_cast<uint8_t>(code));
    if ((code & 127u) == 127) {
      EXPECT_TRUE(std::isnan(value)) << code;
    } else {
      EXPECT_EQ(value, E4m3ByHand(code)) << code;
    }
  }
}

std::string Floats(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string Config(const std::string& quantization) {
  return TinyConfig("Llama", R"({"quantization_config": )" + quantization + "}");
}

// A folder whose one tensor is in eight bits.
struct Quantised {
  TestFolder folder;
  std::string config, codes;
  std::vector<int64_t> shape;

  explicit Quantised(const std::string& quantization) : config(Config(quantization)) {
    int64_t unit = 0;
    model = Model::Create(TinyConfig("Llama"), 1);
    shape = FindTensor(model->layout(), kName, &unit)->shape;
    for (int64_t i = 0; i < shape[0] * shape[1]; ++i) codes.push_back(static_cast<char>(i % 120 + i % 2 * 128));
  }
  void Write(const std::string& scale_type, const std::vector<int64_t>& scale_shape, const std::string& scales) const {
    FileBuilder file = ModelFile(*model, "BF16", {kName});
    file.AddRaw(kName, "F8_E4M3", shape, codes);
    if (!scale_type.empty()) file.AddRaw(kScales, scale_type, scale_shape, scales);
    WriteText(folder / "config.json", config);
    WriteText(folder / "model.safetensors", file.Bytes());
  }
  std::vector<float> Read() const {
    const auto opened = Model::Open(folder.path());
    EXPECT_EQ(opened->source_dtype(), DType::kBF16);
    EXPECT_EQ(opened->source_quantization(), "fp8");
    int64_t unit = 0;
    return ReadAll(*opened, *FindTensor(opened->layout(), kName, &unit));
  }
  double Value(int64_t row, int64_t column) const {
    return E4m3ByHand(static_cast<unsigned char>(codes[static_cast<size_t>(row * shape[1] + column)]));
  }
  std::shared_ptr<const Model> model;
};

// Blocks that neither side is a multiple of.
TEST(Fp8, AFolderIsReadAsItsNumbers) {
  const Quantised q(R"({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [5, 3]})");
  const int64_t rows = (q.shape[0] + 4) / 5, columns = (q.shape[1] + 2) / 3;
  std::vector<float> scales;
  for (int64_t i = 0; i < rows * columns; ++i) scales.push_back(0.001f * static_cast<float>(i + 1));
  q.Write("F32", {rows, columns}, Floats(scales));
  const std::vector<float> values = q.Read();
  for (int64_t r = 0; r < q.shape[0]; ++r) {
    for (int64_t c = 0; c < q.shape[1]; ++c) {
      const double scale = static_cast<double>(scales[static_cast<size_t>(r / 5 * columns + c / 3)]);
      EXPECT_EQ(values[static_cast<size_t>(r * q.shape[1] + c)], static_cast<float>(q.Value(r, c) * scale)) << r << ", " << c;
    }
  }
}

TEST(Fp8, OneScaleMayBeOfTheWholeTensor) {
  const Quantised q(R"({"quant_method": "fp8", "weight_block_size": null})");
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{}, {1}, {1, 1}}) {
    q.Write("F32", shape, Floats({0.75f}));
    const std::vector<float> values = q.Read();
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(values[i], E4m3ByHand(static_cast<unsigned char>(q.codes[i])) * 0.75) << i;
  }
}

TEST(Fp8, ScalesMayBePowersOfTwo) {
  const Quantised q(R"({"quant_method": "fp8", "scale_fmt": "ue8m0", "weight_block_size": [128, 128]})");
  q.Write("F8_E8M0", {1, 1}, std::string(1, static_cast<char>(125)));
  const std::vector<float> values = q.Read();
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], E4m3ByHand(static_cast<unsigned char>(q.codes[i])) / 4) << i;
}

TEST(Fp8, WhatDoesNotFitIsNamed) {
  Quantised q(R"({"quant_method": "fp8"})");  // blocks of 128 x 128
  q.Write("F32", {1, 2}, Floats({1, 1}));
  ExpectError(Code::kInvalidArgument, {kScales, "[1, 2]", "[1, 1]"}, [&] { Model::Open(q.folder.path()); });
  q.Write("I32", {1, 1}, Floats({1}));
  ExpectError(Code::kInvalidArgument, {kScales, "I32"}, [&] { Model::Open(q.folder.path()); });
  q.Write("", {}, "");
  ExpectError(Code::kInvalidArgument, {kName, kScales}, [&] { Model::Open(q.folder.path()); });
  q.codes[7] = 127;
  q.Write("F32", {1, 1}, Floats({1}));
  ExpectError(Code::kInvalidArgument, {kName, "element 7", "not finite"}, [&] { q.Read(); });
}

TEST(Fp8, TheFormatHasTwoNames) {
  for (const char* name : {"e4m3", "float8_e4m3fn"})
    EXPECT_TRUE(ReadConfig(Config(StrCat(R"({"quant_method": "fp8", "fmt": ")", name, R"("})"))).names.fp8.on) << name;
}

TEST(Fp8, OtherFormatsAreRefusedByName) {
  const auto refused = [](const std::string& quantization, const std::vector<std::string>& fragments) {
    ExpectError(Code::kUnimplemented, fragments, [&] { ParseConfig(Config(quantization)); });
  };
  refused(R"({"quant_method": "awq", "bits": 4})", {"quantization_config", "awq"});
  refused(R"({"quant_method": "fp8", "fmt": "e5m2"})", {"fmt", "e5m2"});
  refused(R"({"quant_method": "fp8", "expert_dtype": "fp4"})", {"expert_dtype", "fp4"});
  refused(R"({"quant_method": "fp8", "rotation": "hadamard"})", {"rotation", "hadamard"});
  ExpectError(Code::kInvalidArgument, {"weight_block_size", "[128]"},
              [] { ParseConfig(Config(R"({"quant_method": "fp8", "weight_block_size": [128]})")); });
  ExpectError(Code::kInvalidArgument, {"weight_block_size", "[0,128]"},
              [] { ParseConfig(Config(R"({"quant_method": "fp8", "weight_block_size": [0, 128]})")); });
}

TEST(Fp8, AConfigIsSavedWithoutTheQuantizationThatIsGone) {
  const std::string config = Config(R"({"quant_method": "fp8"})");
  EXPECT_EQ(ConfigForSaving(config, ParseConfig(config), DType::kBF16).find("quantization_config"), std::string::npos);
  EXPECT_EQ(Json::parse(ConfigForSaving(config, ParseConfig(config), std::nullopt)), Json::parse(config)) << "packed again";
}

}  // namespace
}  // namespace hlm
