// Experts in MXFP4, as gpt-oss is published: read as the numbers that the format's specification says, refused where they do not fit.
#include "core/model/mxfp4.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/model/config.h"
#include "tests/model/packing.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

TEST(Mxfp4, EveryCodeAndScaleIsWhatTheFormatSays) {
  std::vector<uint8_t> bytes, scales;
  for (unsigned block = 0; block < 4; ++block) {
    scales.push_back(static_cast<uint8_t>(125 + block));
    for (unsigned i = 0; i < 16; ++i) bytes.push_back(static_cast<uint8_t>(i | ((15 - i) << 4)));
  }
  std::vector<float> values(128);
  DecodeMxfp4(bytes.data(), scales.data(), 0, 128, values.data());
  for (size_t i = 0; i < values.size(); ++i) {
    const unsigned pair = static_cast<unsigned>(i % 32 / 2), code = i % 2 == 0 ? pair : 15 - pair;
    EXPECT_EQ(values[i], E2m1ByHand(code) * std::pow(2.0, static_cast<double>(i / 32) - 2)) << i;
  }
}

TEST(Mxfp4, AnyRangeGivesWhatTheWholeGives) {
  std::vector<uint8_t> bytes, scales = {120, 130, 127};
  for (unsigned i = 0; i < 48; ++i) bytes.push_back(static_cast<uint8_t>(37 * i + 11));
  std::vector<float> whole(96), part(96);
  DecodeMxfp4(bytes.data(), scales.data(), 0, 96, whole.data());
  for (const int64_t begin : {0, 1, 31, 32, 45, 95}) {
    const int64_t n = 96 - begin;
    DecodeMxfp4(bytes.data() + begin / 2, scales.data() + begin / kMxfp4Block, begin, n, part.data());
    for (int64_t i = 0; i < n; ++i)
      EXPECT_EQ(part[static_cast<size_t>(i)], whole[static_cast<size_t>(begin + i)]) << begin << " + " << i;
  }
}

// The specification's conversion (OCP Microscaling Formats 1.0) in doubles, with a search for the nearest code.
void EncodeByHand(const float* values, uint8_t* bytes, uint8_t* scale) {
  double largest = 0;
  for (int i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(static_cast<double>(values[i])));
  const double exponent = largest == 0 ? -127 : std::max(std::floor(std::log2(largest)) - 2, -127.0);
  *scale = static_cast<uint8_t>(exponent + 127);
  for (int i = 0; i < 32; ++i) {
    const unsigned code = NearestE2m1ByHand(static_cast<double>(values[i]) / std::pow(2.0, exponent));
    bytes[i / 2] = static_cast<uint8_t>(i % 2 == 0 ? code : bytes[i / 2] | code << 4);
  }
}

TEST(Mxfp4, BlocksAreEncodedAsTheSpecificationSays) {
  std::vector<float> values;
  // Each number, the middles and what lies beside them, to beyond the largest, in blocks of many magnitudes.
  for (const int power : {-126, -60, -3, 0, 1, 90, 125}) {
    for (int i = 0; i < 31; ++i) values.push_back(std::ldexp(0.25f * static_cast<float>(i - 15), power));
    values.push_back(std::ldexp(7.75f, power - 1));
    for (int i = 0; i < 32; ++i)
      values.push_back(std::ldexp(std::nextafter(0.25f * static_cast<float>(i), i % 2 == 0 ? 9.0f : 0.0f), power - 2));
  }
  for (int i = 0; i < 32; ++i) values.push_back(i % 2 == 0 ? 0.0f : -0.0f);
  for (int i = 0; i < 32; ++i) values.push_back(std::ldexp(static_cast<float>(i), -149));  // below the least scale
  const size_t blocks = values.size() / 32;
  std::vector<uint8_t> bytes(blocks * 16), scales(blocks), expected(blocks * 16), expected_scales(blocks);
  EncodeMxfp4(values.data(), static_cast<int64_t>(values.size()), bytes.data(), scales.data());
  for (size_t b = 0; b < blocks; ++b) EncodeByHand(values.data() + 32 * b, expected.data() + 16 * b, &expected_scales[b]);
  EXPECT_EQ(scales, expected_scales);
  EXPECT_EQ(bytes, expected);
}

// Whatever scale they had: numbers come back, and where a block has a 4 or a 6 its bytes.
TEST(Mxfp4, NumbersThatWereReadComeBackExactly) {
  constexpr int64_t kElements = 32 * 254;
  std::vector<uint8_t> bytes, scales;
  for (int scale = 0; scale < 254; ++scale) {
    scales.push_back(static_cast<uint8_t>(scale));
    for (int i = 0; i < 16; ++i) {
      const int most = scale % 8;  // the largest code of the block, which may be a small one
      const int low = (i * 5 + scale) % (most + 1), high = i == 0 ? most : (i * 3) % (most + 1);
      bytes.push_back(static_cast<uint8_t>(low | (i % 3 == 0 ? 8 : 0) | high << 4 | (i % 5 == 0 ? 128 : 0)));
    }
  }
  std::vector<float> values(kElements), again(kElements);
  DecodeMxfp4(bytes.data(), scales.data(), 0, kElements, values.data());
  std::vector<uint8_t> new_bytes(bytes.size()), new_scales(scales.size());
  EncodeMxfp4(values.data(), kElements, new_bytes.data(), new_scales.data());
  DecodeMxfp4(new_bytes.data(), new_scales.data(), 0, kElements, again.data());
  EXPECT_EQ(again, values);
  for (size_t block = 0; block < scales.size(); ++block) {
    if (block % 8 < 6) continue;
    EXPECT_EQ(new_scales[block], scales[block]);
    EXPECT_TRUE(std::equal(bytes.begin() + static_cast<int64_t>(16 * block),
                           bytes.begin() + static_cast<int64_t>(16 * block + 16),
                           new_bytes.begin() + static_cast<int64_t>(16 * block)))
        << block;
  }
}

constexpr const char* kGptOss =
    R"({"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 41, "max_position_embeddings": 64, "sliding_window": 4,
        "num_local_experts": 2, "num_experts_per_tok": 1, "rope_theta": 10000.0, "quantization_config": {"quant_method": "%"}})";

std::string Config(const std::string& method) {
  std::string text = kGptOss;
  return text.replace(text.find('%'), 1, method);
}

// A folder as the hub has it: the slab has the rows of the blocks.
TEST(Mxfp4, AFolderIsReadAsItsNumbers) {
  const TestFolder folder;
  const std::string gate_up = "model.layers.0.mlp.experts.gate_up_proj", down = "model.layers.0.mlp.experts.down_proj";
  const auto model = Model::Create(Config("mxfp4"), 1);
  FileBuilder file = ModelFile(*model, "BF16", {gate_up, down});
  const auto add = [&](const std::string& name, int64_t rows, int64_t scale_columns = 1) {
    std::string blocks, scales;
    for (int64_t i = 0; i < 2 * rows * 16; ++i) blocks.push_back(static_cast<char>(11 * i + 5));
    for (int64_t i = 0; i < 2 * rows * scale_columns; ++i) scales.push_back(static_cast<char>(120 + i % 9));
    file.AddRaw(name + "_blocks", "U8", {2, rows, 1, 16}, blocks);
    file.AddRaw(name + "_scales", "U8", {2, rows, scale_columns}, scales);
    return std::pair(blocks, scales);
  };
  const auto [blocks, scales] = add(gate_up, 64);
  add(down, 32);
  WriteText(folder / "config.json", Config("mxfp4"));
  WriteText(folder / "model.safetensors", file.Bytes());

  const auto opened = Model::Open(folder.path());
  EXPECT_EQ(opened->source_dtype(), DType::kBF16);
  int64_t unit = 0;
  const TensorSpec* tensor = FindTensor(opened->layout(), gate_up, &unit);
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->shape, (std::vector<int64_t>{2, 32, 64}));
  const std::vector<float> values = ReadAll(*opened, *tensor);
  ASSERT_EQ(values.size(), 2u * 64 * 32);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto byte = static_cast<unsigned char>(blocks[i / 2]);
    const double scale = std::pow(2.0, static_cast<unsigned char>(scales[i / 32]) - 127.0);
    EXPECT_EQ(values[i], E2m1ByHand(i % 2 == 0 ? byte & 15u : byte >> 4u) * scale) << i;
  }

  FileBuilder bad = ModelFile(*model, "BF16", {gate_up, down});
  std::swap(file, bad);
  add(gate_up, 64, 2);
  add(down, 32);
  WriteText(folder / "model.safetensors", file.Bytes());
  ExpectError(Code::kInvalidArgument, {gate_up + "_scales", "[2, 64, 2]", "[2, 64, 1]"}, [&] { Model::Open(folder.path()); });
}

TEST(Mxfp4, AConfigIsSavedWithoutTheQuantizationThatIsGone) {
  const ModelSpec spec = ParseConfig(Config("mxfp4"));
  EXPECT_EQ(ConfigForSaving(Config("mxfp4"), spec, DType::kBF16).find("quantization_config"), std::string::npos);
}

TEST(Mxfp4, AnotherQuantizationIsRefusedByName) {
  try {
    ParseConfig(Config("awq"));
    FAIL() << "awq was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUnimplemented);
    EXPECT_NE(std::string(error.what()).find("awq"), std::string::npos);
  }
}

}  // namespace
}  // namespace hlm
