#include "core/model/mxfp4.h"

#include <array>
#include <cmath>

namespace hlm {

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

}  // namespace hlm
