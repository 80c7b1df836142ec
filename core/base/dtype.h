// Element types of weights, activations and files, and the exact conversions between float and its 16-bit forms.
#ifndef HORIZON_LM_CORE_BASE_DTYPE_H_
#define HORIZON_LM_CORE_BASE_DTYPE_H_

#include <bit>
#include <cstddef>
#include <cstdint>

namespace hlm {

enum class DType : int32_t { kF32 = 0, kBF16 = 1, kF16 = 2 };

inline constexpr size_t SizeOf(DType type) { return type == DType::kF32 ? 4 : 2; }
inline constexpr const char* Name(DType type) { return type == DType::kF32 ? "f32" : type == DType::kBF16 ? "bf16" : "f16"; }

using bf16_t = uint16_t;  // the upper half of an IEEE binary32
using f16_t = uint16_t;   // IEEE binary16

inline float Bf16ToFloat(bf16_t x) { return std::bit_cast<float>(static_cast<uint32_t>(x) << 16); }

// Round to nearest, ties to even; a NaN stays a NaN (made quiet).
inline bf16_t FloatToBf16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<bf16_t>((bits >> 16) | 0x40u);
  return static_cast<bf16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// The exact split of an fp32 master weight into the bf16 weight that is streamed (nearest, ties away from zero) and a
// 16-bit remainder that stays on the host. JoinMaster(SplitMaster(x)) is x bit for bit, for every x but NaNs, which are
// made the canonical NaN 0x7fc00000 first (rounding the upper half of another NaN could carry into the sign or give infinity).
struct SplitWeight {
  bf16_t hi;
  uint16_t lo;
};
inline SplitWeight SplitMaster(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) bits = 0x7fc00000u;
  const uint32_t lower = bits & 0xffffu;
  return {static_cast<bf16_t>((bits >> 16) + (lower >= 0x8000u ? 1u : 0u)), static_cast<uint16_t>(lower)};
}
inline float JoinMaster(bf16_t hi, uint16_t lo) {
  const uint32_t upper = (static_cast<uint32_t>(hi) - (lo >= 0x8000u ? 1u : 0u)) & 0xffffu;
  return std::bit_cast<float>((upper << 16) | lo);
}

float F16ToFloat(f16_t x);
f16_t FloatToF16(float x);  // nearest, ties to even; overflow gives infinity

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_DTYPE_H_
