// Floats of a few bits: a sign, an exponent and a mantissa, as codes.
#ifndef HORIZON_LM_CORE_MODEL_SMALL_FLOATS_H_
#define HORIZON_LM_CORE_MODEL_SMALL_FLOATS_H_

#include <algorithm>
#include <bit>
#include <cstdint>

namespace hlm {

// The code, without its sign, of the number nearest to `magnitude` >= 0, ties to even, as if exponents went on without end: who calls
// cuts off what is beyond the largest code. Needs the processor's default rounding.
template <int kMantissaBits, int kBias>
inline uint64_t NearestCode(double magnitude) {
  constexpr uint64_t kOneOfDouble = 1023, kBitsOfDouble = 52, kCut = kBitsOfDouble - kMantissaBits;
  constexpr double kLeastNormal = std::bit_cast<double>((kOneOfDouble + 1 - kBias) << kBitsOfDouble);
  // Below the least normal number: behind the sum the last bit of a double is worth what the code's is.
  constexpr uint64_t kExponent = kOneOfDouble + kBitsOfDouble + 1 - kBias - kMantissaBits;
  constexpr uint64_t kFirst = kExponent << kBitsOfDouble;
  const uint64_t small = std::bit_cast<uint64_t>(magnitude + std::bit_cast<double>(kFirst)) - kFirst;
  const uint64_t bits = std::bit_cast<uint64_t>(magnitude), odd = (bits >> kCut) & 1;
  const uint64_t normal = ((bits + (uint64_t{1} << (kCut - 1)) - 1 + odd) >> kCut) - ((kOneOfDouble - kBias) << kMantissaBits);
  return magnitude < kLeastNormal ? small : normal;  // both, as no branch could be foreseen
}

// The largest magnitude of finite numbers, as an integer's maximum: magnitudes are ordered as their bits are.
inline float LargestMagnitude(const float* values, int64_t n) {
  int32_t largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::bit_cast<int32_t>(values[i]) & 0x7fffffff);
  return std::bit_cast<float>(largest);
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_SMALL_FLOATS_H_
