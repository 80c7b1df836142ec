// The 8-bit code of moments: one fp32 scale, the largest magnitude, for a block of kStateBlock values, and one byte for each of them.
// The code is dynamic: its steps shrink with the value (docs/decisions/0006-eight-bit-moments.md has the measurements behind it).
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
// A block is scaled by no less, so that 1 / scale is finite and the smallest second moment is a normal number.
inline constexpr float kLeastFirstScale = 0x1p-126f, kLeastSecondScale = 0x1p-94f;

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

// The scale to store for a block whose largest magnitude this is. Where it is not finite the codes are zero and the scale is NaN: the
// whole block decodes to NaN.
inline float StoredScale(float largest, float least) {
  if (!(largest <= 3.40282347e38f)) return std::bit_cast<float>(0x7fc00000u);
  return largest == 0 ? 0.0f : std::max(largest, least);
}

// Between the codes below and above the value: up where it lies beyond `threshold` in [0, 1) of the way. A random threshold makes the
// code right on average, 0.5 is nearest. inverse = 1 / scale.
inline int8_t EncodeFirst(float x, float scale, float inverse, float threshold) {
  const float a = std::abs(x);
  const int32_t below = std::min(static_cast<int32_t>(std::sqrt(a * inverse) * 127.0f), 126);
  const float low = FirstMagnitude(below, scale), high = FirstMagnitude(below + 1, scale);
  const int32_t code = below + (a > low + threshold * (high - low) ? 1 : 0);
  return static_cast<int8_t>(std::signbit(x) ? -code : code);
}
inline uint8_t EncodeSecond(float x, float scale, float inverse, float threshold) {
  const int32_t below = std::min(static_cast<int32_t>(std::sqrt(std::sqrt(x * inverse)) * 255.0f), 254);
  const float low = SecondMagnitude(below, scale), high = SecondMagnitude(below + 1, scale);
  const int32_t code = below + (x > low + threshold * (high - low) ? 1 : 0);
  return static_cast<uint8_t>(std::max(code, x > 0 ? 1 : 0));
}

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_MOMENT_CODE_H_
