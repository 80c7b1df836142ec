// Numbers into eight bits: to the nearest code, as a search of all of them and PyTorch find it, with the scales of the block.
#include "core/model/fp8_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/base/dtype.h"
#include "tests/model/fp8_goldens.h"
#include "tests/model/packing.h"

namespace hlm {
namespace {

// Each number, the middle to the next, and what lies beside both.
std::vector<double> Landmarks() {
  std::vector<double> values = {0, 1e-300, 0x1p-11, 463.99, 464, 464.01, 480, 1e30, std::numeric_limits<double>::max()};
  for (unsigned code = 0; code < 126; ++code) {
    const double here = E4m3ByHand(code), middle = (here + E4m3ByHand(code + 1)) / 2;
    for (const double at : {here, middle}) {
      for (const double value : {at, std::nextafter(at, 1e9), std::nextafter(at, -1.0), at * (1 + 0x1p-23), at * (1 - 0x1p-24)})
        values.push_back(std::fabs(value));
    }
  }
  return values;
}

TEST(Fp8Encoder, EveryCodeComesBack) {
  for (unsigned code = 0; code < 256; ++code) {
    if ((code & 127u) == 127) continue;
    EXPECT_EQ(FloatToE4m3(E4m3ByHand(code)), code);
  }
}

TEST(Fp8Encoder, TheNearestCodeIsTheOneThatASearchFinds) {
  for (const double value : Landmarks()) {
    EXPECT_EQ(FloatToE4m3(value), NearestE4m3ByHand(value)) << value;
    EXPECT_EQ(FloatToE4m3(-value), NearestE4m3ByHand(-value)) << -value;
  }
}

TEST(Fp8Encoder, RoundsAsPyTorchDoes) {
  for (const Fp8Golden& golden : kFp8Goldens) {
    const float value = std::bit_cast<float>(golden.bits);
    EXPECT_EQ(FloatToE4m3(static_cast<double>(value)), golden.code) << value;
  }
}

TEST(Fp8Encoder, ScalesAreTheLargestBy448) {
  for (const float largest : {1.0f, 448.0f, 3.3e-5f, 0.7f, 1e30f, 1.5e-30f}) {
    EXPECT_EQ(Fp8ScaleFor(largest, Fp8ScaleType::kF32), largest / 448.0f);
    EXPECT_EQ(Fp8ScaleFor(largest, Fp8ScaleType::kBF16), Bf16ToFloat(FloatToBf16(largest / 448.0f)));
    // The least power of two with which nothing is cut off.
    const double power = static_cast<double>(Fp8ScaleFor(largest, Fp8ScaleType::kE8m0));
    EXPECT_EQ(std::exp2(std::round(std::log2(power))), power);
    EXPECT_LE(static_cast<double>(largest), 448 * power);
    EXPECT_GT(static_cast<double>(largest), 224 * power);
  }
  for (const Fp8ScaleType type : {Fp8ScaleType::kF32, Fp8ScaleType::kBF16, Fp8ScaleType::kE8m0}) {
    EXPECT_EQ(Fp8ScaleFor(0, type), 1) << "zeros";
    EXPECT_GT(Fp8ScaleFor(std::numeric_limits<float>::denorm_min(), type), 0) << "no block is lost";
  }
}

struct Encoded {
  std::vector<float> scales;
  std::vector<uint8_t> codes;
};

// In pieces of `piece` elements.
Encoded Encode(const Fp8Blocks& blocks, const std::vector<float>& source, const std::vector<float>& values, int64_t piece) {
  Fp8Encoder encoder(blocks, source, Fp8ScaleType::kF32);
  const auto n = static_cast<int64_t>(values.size());
  Encoded encoded{std::vector<float>(source.size()), std::vector<uint8_t>(values.size())};
  for (int64_t at = 0; at < n; at += piece) encoder.Measure(values.data() + at, at, std::min(piece, n - at));
  encoder.ChooseScales();
  for (int64_t at = 0; at < n; at += piece)
    encoder.Encode(values.data() + at, at, std::min(piece, n - at), encoded.codes.data() + at);
  const std::string bytes = encoder.ScaleBytes();
  EXPECT_EQ(bytes.size(), source.size() * sizeof(float));
  std::memcpy(encoded.scales.data(), bytes.data(), bytes.size());
  return encoded;
}

// Experts of 7 x 10 in blocks of 4 x 3, ragged on both sides; the expert, the block's row and its column give the scale.
constexpr int64_t kExperts = 2, kRows = 7, kColumns = 10, kBlockRows = 4, kBlockColumns = 3;
const Fp8Format kFormat{.on = true, .block_rows = kBlockRows, .block_columns = kBlockColumns, .not_written = ""};

size_t BlockOf(int64_t expert, int64_t row, int64_t column) {
  return static_cast<size_t>((expert * 2 + row / kBlockRows) * 4 + column / kBlockColumns);
}

template <class Work>
void EachElement(const Work& work) {
  size_t i = 0;
  for (int64_t expert = 0; expert < kExperts; ++expert) {
    for (int64_t row = 0; row < kRows; ++row) {
      for (int64_t column = 0; column < kColumns; ++column) work(i++, BlockOf(expert, row, column));
    }
  }
}

TEST(Fp8Encoder, RaggedBlocksAreThoseOfAPlainLoopWhateverThePieces) {
  const Fp8Blocks blocks(kFormat, {kExperts, kRows, kColumns});
  ASSERT_EQ(blocks.scales(), 16);
  std::vector<float> values;
  for (int i = 0; i < kExperts * kRows * kColumns; ++i) values.push_back(std::sin(static_cast<float>(i * i)) * 0.03f);
  EachElement([&](size_t i, size_t block) {
    if (block == 5) values[i] = i % 2 == 0 ? 0.0f : -0.0f;
  });
  std::vector<float> largest(16, 0.0f);
  EachElement([&](size_t i, size_t block) { largest[block] = std::max(largest[block], std::fabs(values[i])); });
  for (const int64_t piece : {1, 13, 70, 1000}) {
    const Encoded encoded = Encode(blocks, std::vector<float>(16, 1e-3f), values, piece);
    EachElement([&](size_t i, size_t block) {
      const float scale = block == 5 ? 1e-3f : largest[block] / 448.0f;  // zeros are what the source's scale gives
      EXPECT_EQ(encoded.scales[block], scale) << block;
      EXPECT_EQ(encoded.codes[i], NearestE4m3ByHand(static_cast<double>(values[i]) / static_cast<double>(scale))) << i;
    });
  }
}

// Whatever made the scales: with the numbers whole, and rounded to bf16.
TEST(Fp8Encoder, WhatWasNotTrainedIsAsItWas) {
  const Fp8Blocks blocks(kFormat, {kExperts, kRows, kColumns});
  std::vector<float> scales, values(kExperts * kRows * kColumns);
  for (int i = 0; i < 16; ++i) scales.push_back(i == 3 ? 0.0f : std::ldexp(1.0f + static_cast<float>(i) * 0.0371f, -i));
  std::vector<uint8_t> codes;
  for (size_t i = 0; i < values.size(); ++i) codes.push_back(static_cast<uint8_t>(i * 37 % 113 + i % 2 * 128));
  EachElement([&](size_t i, size_t block) {
    if (block == 3) codes[i] = 0;
  });
  blocks.Decode(codes.data(), scales.data(), 0, kExperts * kRows * kColumns, values.data());
  const auto rounded = [&](const auto& round) {
    std::vector<float> all;
    for (const float value : values) all.push_back(round(value));
    return all;
  };
  for (const std::vector<float>& held : {values, rounded([](float x) { return Bf16ToFloat(FloatToBf16(x)); }),
                                         rounded([](float x) { return Bf16ToFloat(SplitMaster(x).hi); })}) {
    const Encoded encoded = Encode(blocks, scales, held, 17);
    EXPECT_EQ(encoded.codes, codes);
    EXPECT_EQ(encoded.scales, scales);
  }
  // One number that moved gives its block another scale, and no other block.
  values[1] *= 1.01f;
  const Encoded encoded = Encode(blocks, scales, values, 17);
  EXPECT_NE(encoded.scales[0], scales[0]);
  EXPECT_TRUE(std::equal(scales.begin() + 1, scales.end(), encoded.scales.begin() + 1));
}

// The scale that a block gets gives back the largest magnitude that it was made of.
TEST(Fp8Encoder, ScalesOfTheLargestBy448ComeBackFromTheNumbersAlone) {
  for (int i = 1; i < 4000; ++i) {
    const float largest = std::ldexp(1.0f + static_cast<float>(i) * 0x1.8p-12f + static_cast<float>(i) * 0x1p-23f, i % 60 - 40);
    const float scale = largest / 448.0f;
    EXPECT_EQ(Fp8ScaleFor(448.0f * scale, Fp8ScaleType::kF32), scale) << largest;
  }
}

}  // namespace
}  // namespace hlm
