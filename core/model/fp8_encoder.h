// Numbers back into eight bits with a scale for each block, as fp8.h reads them.
#ifndef HORIZON_LM_CORE_MODEL_FP8_ENCODER_H_
#define HORIZON_LM_CORE_MODEL_FP8_ENCODER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/fp8.h"

namespace hlm {

inline constexpr float kLargestE4m3 = 448;

// The code of the number nearest to `value`, ties to even; of the largest number where that is exceeded.
uint8_t FloatToE4m3(double value);

enum class Fp8ScaleType { kF32, kBF16, kE8m0 };
// Of a safetensors type; nothing for those that are read and not written.
std::optional<Fp8ScaleType> ScaleTypeOf(std::string_view dtype);

// The scale of a block whose largest magnitude is `largest`: largest / 448, to the nearest number of the type, or up to a power of two;
// 1 for a block of zeros, as transformers writes it.
float Fp8ScaleFor(float largest, Fp8ScaleType type);

// One tensor, whose elements are seen twice, in any pieces: Measure, ChooseScales, Encode. A block whose every number is still a code
// times the scale that the source had for it (or that rounded to bf16, as weights are held without a master) keeps that scale, and so
// its bytes: what was not trained is as it was, whatever made its scales.
class Fp8Encoder {
 public:
  // Both are borrowed. `source`: [blocks.scales()].
  Fp8Encoder(const Fp8Blocks& blocks, const std::vector<float>& source, Fp8ScaleType type)
      : blocks_(blocks), source_(source), type_(type), largest_(source.size()), kept_(source.size(), 1) {}

  void Measure(const float* values, int64_t begin, int64_t n);
  void ChooseScales();
  // The scales as the file has them.
  std::string ScaleBytes() const;
  void Encode(const float* values, int64_t begin, int64_t n, uint8_t* codes) const;

 private:
  const Fp8Blocks& blocks_;
  const std::vector<float>& source_;
  Fp8ScaleType type_;
  std::vector<float> largest_;  // [scales] magnitudes; then the scales
  std::vector<char> kept_;      // [scales]
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FP8_ENCODER_H_
