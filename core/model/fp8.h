// Weights in eight bits (OCP 8-bit Floating Point Specification 1.0, E4M3) with a scale for each block of a matrix: how files of the hub
// write F8_E4M3 tensors, whose scales are the tensor NAME_scale_inv.
#ifndef HORIZON_LM_CORE_MODEL_FP8_H_
#define HORIZON_LM_CORE_MODEL_FP8_H_

#include <cstdint>
#include <string>
#include <vector>

namespace hlm {

class ConfigValues;

// What quantization_config says of them.
struct Fp8Format {
  bool on = false;
  int64_t block_rows = 0, block_columns = 0;  // 0: one scale for the whole tensor
};

// Reads a quantization_config whose quant_method is fp8; other methods give nothing. UNIMPLEMENTED naming a key that is not known.
Fp8Format ReadFp8Format(const ConfigValues& config);

// A sign, four bits of exponent, three of mantissa; NaN for the two codes that are none. Exact.
float E4m3ToFloat(uint8_t code);

// Where the scales of a tensor lie: matrices of the last two dimensions are cut into blocks, from the first row and column on.
class Fp8Blocks {
 public:
  Fp8Blocks(const Fp8Format& format, const std::vector<int64_t>& shape);

  // Of the scales' tensor; several where one scale may be written in several ways.
  const std::vector<std::vector<int64_t>>& scale_shapes() const { return scale_shapes_; }
  int64_t scales() const { return scales_; }
  // out[i] = codes[i] times its scale, for elements [begin, begin + n) of the tensor; rounded once.
  void Decode(const uint8_t* codes, const float* scales, int64_t begin, int64_t n, float* out) const;

 private:
  int64_t rows_ = 1, columns_ = 1, block_rows_, block_columns_;
  int64_t scales_ = 1, scale_rows_ = 1, scale_columns_ = 1;
  std::vector<std::vector<int64_t>> scale_shapes_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FP8_H_
