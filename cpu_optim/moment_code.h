// The 8-bit code of moments: one fp32 scale, the largest magnitude, for a block of kStateBlock values, and one byte for each of
// them. The code is dynamic: its steps shrink with the value (docs/decisions/0006-eight-bit-moments.md has the measurements
// behind it).
//   first moment    c in [-127, 127]   value = sign(c) (c / 127)^2 scale
//   second moment   c in [0, 255]      value = (c / 255)^4 scale             so its root is coded as the first moment is
// Near the scale a step is 1.6 % of the value; the smallest second moment that is not zero is 2^-32 of the scale. A second moment
// above zero never becomes zero: the update divides by its root.
//
// This is the code in plain C++; the kernels do the same operations on vectors, with the same bits. All of it is products,
// differences and square roots that IEEE rounds exactly.
#ifndef HORIZON_LM_CPU_OPTIM_MOMENT_CODE_H_
#define HORIZON_LM_CPU_OPTIM_MOMENT_CODE_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace hlm {

inline constexpr float kFirstStep = 1.0f / 127.0f, kSecondStep = 1.0f / 255.0f;
// A block is scaled by no less, so that the inverses below are finite and the smallest codes' values are normal numbers.
inline constexpr float kLeastFirstScale = 0x1p-112f, kLeastSecondScale = 0x1p-94f;

inline float FirstMagnitude(int32_t code, float scale) {
  const float u = static_cast<float>(code) * kFirstStep;
  return u * u * scale;
}
inline float SecondMagnitude(int32_t code, float scale) {
  const float u = static_cast<float>(code) * kSecondStep, square = u * u;
  return square * square * scale;
}

inline float DecodeFirst(int8_t code, float scale) {
  const float magnitude = FirstMagnitude(std::abs(code), scale);
  return code < 0 ? -magnitude : magnitude;
}
inline float DecodeSecond(uint8_t code, float scale) { return SecondMagnitude(code, scale); }

// The scale to store for a block whose largest magnitude this is. Where it is not finite the codes are zero and the scale is NaN:
// the whole block decodes to NaN.
inline float StoredScale(float largest, float least) {
  if (!(largest <= 3.40282347e38f)) return std::bit_cast<float>(0x7fc00000u);
  return largest == 0 ? 0.0f : std::max(largest, least);
}

// What a block's encoding multiplies by. A value is compared with codes in the unit of the smallest one, where codes are worth
// whole numbers: c^2, and c^4.
inline float FirstUnits(float scale) { return 16129.0f / scale; }                  // 127^2 / scale
inline float SecondUnits(float scale) { return 4228250625.0f / scale; }            // 255^4 / scale
inline float SecondRootUnits(float scale) { return 65025.0f / std::sqrt(scale); }  // the root of it

// The code below the value, or the one above where it lies beyond `threshold` in (0, 1) of the way between them. A random
// threshold makes the code right on average, 0.5 is nearest.
inline int8_t EncodeFirst(float x, float scale, float threshold) {
  const float y = std::abs(x) * FirstUnits(scale);
  const float below = std::trunc(std::sqrt(y));
  const int32_t code = static_cast<int32_t>(below) + (y > below * below + threshold * (below + below + 1.0f) ? 1 : 0);
  return static_cast<int8_t>(std::signbit(x) ? -std::min(code, 127) : std::min(code, 127));
}
inline uint8_t EncodeSecond(float x, float scale, float threshold) {
  const float y = x * SecondUnits(scale);
  const float below = std::trunc(std::sqrt(std::sqrt(x) * SecondRootUnits(scale)));
  const float low = below * below, high = low + (below + below + 1.0f);
  const float low2 = low * low, high2 = high * high;
  const int32_t code = static_cast<int32_t>(below) + (y > low2 + threshold * (high2 - low2) ? 1 : 0);
  return static_cast<uint8_t>(std::min(std::max(code, x > 0 ? 1 : 0), 255));
}

// The middle of the 65536 intervals: neither 0 nor 1, so that a code's own value stays what it is.
inline float Threshold(uint16_t random) { return (static_cast<float>(random) + 0.5f) * 0x1p-16f; }

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_MOMENT_CODE_H_
