// The arrays that a checkpoint is made of: for each part of each unit its weights, remainders, moments and their scales.
#ifndef HORIZON_LM_CORE_SAVE_ARRAY_H_
#define HORIZON_LM_CORE_SAVE_ARRAY_H_

#include <cstddef>
#include <cstdint>

namespace hlm {

enum class ArrayKind { kWeights, kRemainders, kFirstMoments, kFirstScales, kSecondMoments, kSecondScales };
inline constexpr ArrayKind kArrayKinds[] = {ArrayKind::kWeights,     ArrayKind::kRemainders,    ArrayKind::kFirstMoments,
                                            ArrayKind::kFirstScales, ArrayKind::kSecondMoments, ArrayKind::kSecondScales};
inline constexpr const char* Name(ArrayKind kind) {
  switch (kind) {
    case ArrayKind::kWeights:
      return "weights";
    case ArrayKind::kRemainders:
      return "remainders";
    case ArrayKind::kFirstMoments:
      return "first_moments";
    case ArrayKind::kFirstScales:
      return "first_scales";
    case ArrayKind::kSecondMoments:
      return "second_moments";
    case ArrayKind::kSecondScales:
      return "second_scales";
  }
  return "unknown";
}

enum class ArrayType { kF32, kBF16, kU16, kU8 };
inline constexpr ArrayType kArrayTypes[] = {ArrayType::kF32, ArrayType::kBF16, ArrayType::kU16, ArrayType::kU8};
inline constexpr const char* Name(ArrayType type) {  // as in safetensors
  return type == ArrayType::kF32 ? "F32" : type == ArrayType::kBF16 ? "BF16" : type == ArrayType::kU16 ? "U16" : "U8";
}
inline constexpr size_t SizeOf(ArrayType type) { return type == ArrayType::kF32 ? 4 : type == ArrayType::kU8 ? 1 : 2; }

// One array in memory. `first` counts in the array's own elements from the start of the unit (for scales: in blocks).
struct CheckpointArray {
  ArrayKind kind = ArrayKind::kWeights;
  int64_t part = 0;
  ArrayType type = ArrayType::kF32;
  int64_t first = 0, elements = 0;
  const void* data = nullptr;
  size_t bytes = static_cast<size_t>(elements) * SizeOf(type);
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_ARRAY_H_
