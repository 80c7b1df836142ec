#include "core/model/mxfp4.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "core/base/error.h"
#include "core/model/small_floats.h"

namespace hlm {
namespace {

constexpr int kLeastScale = -127, kMostScale = 127;

int ScaleOf(const float* block) {
  const float largest = LargestMagnitude(block, kMxfp4Block);
  return largest == 0 ? kLeastScale : std::clamp(std::ilogb(largest) - 2, kLeastScale, kMostScale);
}

unsigned CodeOf(float value, double by) {
  constexpr uint64_t kLargest = 7;
  const uint64_t code = std::min(NearestCode<1, 1>(std::fabs(static_cast<double>(value)) * by), kLargest);
  return static_cast<unsigned>(code) | (std::bit_cast<uint32_t>(value) >> 31) << 3;
}

}  // namespace

// E2M1: a sign, two bits of exponent, one of mantissa. E8M0: 2^(scale - 127).
void DecodeMxfp4(const uint8_t* bytes, const uint8_t* scales, int64_t begin, int64_t n, float* out) {
  constexpr std::array<float, 8> kValues = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  const int64_t first_byte = begin / 2, first_scale = begin / kMxfp4Block;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = begin + i;
    const unsigned byte = bytes[at / 2 - first_byte], code = at % 2 == 0 ? byte & 15u : byte >> 4;
    const float value = kValues[code & 7u];
    out[i] = std::ldexp((code & 8u) != 0 ? -value : value, static_cast<int>(scales[at / kMxfp4Block - first_scale]) - 127);
  }
}

void EncodeMxfp4(const float* values, int64_t n, uint8_t* bytes, uint8_t* scales) {
  HLM_CHECK(n % kMxfp4Block == 0, n, " elements");
  for (int64_t begin = 0; begin < n; begin += kMxfp4Block) {
    const int scale = ScaleOf(values + begin);
    scales[begin / kMxfp4Block] = static_cast<uint8_t>(scale - kLeastScale);
    const double by = std::ldexp(1.0, -scale);
    for (int64_t i = begin; i < begin + kMxfp4Block; i += 2)
      bytes[i / 2] = static_cast<uint8_t>(CodeOf(values[i], by) | CodeOf(values[i + 1], by) << 4);
  }
}

}  // namespace hlm
