#include "core/model/fp8_encoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/dtype.h"
#include "core/model/small_floats.h"

namespace hlm {
namespace {

constexpr int kLeastExponent = -127, kLargestExponent = 127;  // of E8M0

// Division in double: a quotient of two floats is never so near to the middle between two codes that it is rounded to it.
uint8_t CodeOf(float value, float scale) {
  if (scale == 0) return std::signbit(value) ? 128 : 0;
  return FloatToE4m3(static_cast<double>(value) / static_cast<double>(scale));
}

// Whether the number that was read, code times scale, may be held as `value`: whole, or in bf16 by either of the two roundings.
bool HeldAs(float number, float value) {
  return number == value || Bf16ToFloat(FloatToBf16(number)) == value || Bf16ToFloat(SplitMaster(number).hi) == value;
}

// The least power of two that is not below.
float PowerOfTwoAbove(double value) {
  int exponent = 0;
  if (std::frexp(value, &exponent) == 0.5) --exponent;
  return std::ldexp(1.0f, std::clamp(exponent, kLeastExponent, kLargestExponent));
}

template <class Number>
void Append(Number number, std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

}  // namespace

uint8_t FloatToE4m3(double value) {
  constexpr uint64_t kLargest = 126;
  const uint64_t code = std::min(NearestCode<3, 7>(std::fabs(value)), kLargest);
  return static_cast<uint8_t>(code | (std::bit_cast<uint64_t>(value) >> 63) << 7);
}

std::optional<Fp8ScaleType> ScaleTypeOf(std::string_view dtype) {
  if (dtype == "F32") return Fp8ScaleType::kF32;
  if (dtype == "BF16") return Fp8ScaleType::kBF16;
  if (dtype == "F8_E8M0" || dtype == "U8") return Fp8ScaleType::kE8m0;
  return std::nullopt;
}

float Fp8ScaleFor(float largest, Fp8ScaleType type) {
  if (largest == 0) return 1;
  if (type == Fp8ScaleType::kE8m0) return PowerOfTwoAbove(static_cast<double>(largest) / static_cast<double>(kLargestE4m3));
  const float scale = largest / kLargestE4m3;
  // A scale of zero would lose the block.
  if (type == Fp8ScaleType::kBF16) return std::max(Bf16ToFloat(FloatToBf16(scale)), Bf16ToFloat(bf16_t{1}));
  return std::max(scale, std::numeric_limits<float>::denorm_min());
}

void Fp8Encoder::Measure(const float* values, int64_t begin, int64_t n) {
  blocks_.EachRun(begin, n, [&](int64_t from, int64_t count, int64_t scale) {
    const auto block = static_cast<size_t>(scale);
    largest_[block] = std::max(largest_[block], LargestMagnitude(values + from, count));
    for (int64_t i = from; i < from + count && kept_[block] != 0; ++i) {
      kept_[block] = HeldAs(E4m3ToFloat(CodeOf(values[i], source_[block])) * source_[block], values[i]);
    }
  });
}

void Fp8Encoder::ChooseScales() {
  for (size_t block = 0; block < largest_.size(); ++block)
    largest_[block] = kept_[block] != 0 ? source_[block] : Fp8ScaleFor(largest_[block], type_);
}

std::string Fp8Encoder::ScaleBytes() const {
  std::string bytes;
  for (const float scale : largest_) {
    if (type_ == Fp8ScaleType::kF32) Append(scale, bytes);
    if (type_ == Fp8ScaleType::kBF16) Append(FloatToBf16(scale), bytes);
    if (type_ == Fp8ScaleType::kE8m0) Append(static_cast<uint8_t>(std::ilogb(scale) - kLeastExponent), bytes);
  }
  return bytes;
}

void Fp8Encoder::Encode(const float* values, int64_t begin, int64_t n, uint8_t* codes) const {
  blocks_.EachRun(begin, n, [&](int64_t from, int64_t count, int64_t scale) {
    for (int64_t i = from; i < from + count; ++i) codes[i] = CodeOf(values[i], largest_[static_cast<size_t>(scale)]);
  });
}

}  // namespace hlm
