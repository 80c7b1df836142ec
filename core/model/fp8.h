// Weights in eight bits (OCP 8-bit Floating Point Specification 1.0, E4M3) with a scale for each block of a matrix: how files of the hub
// write F8_E4M3 tensors, whose scales are the tensor NAME_scale_inv.
#ifndef HORIZON_LM_CORE_MODEL_FP8_H_
#define HORIZON_LM_CORE_MODEL_FP8_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace hlm {

class ConfigValues;

// What quantization_config says of them.
struct Fp8Format {
  bool on = false;
  int64_t block_rows = 0, block_columns = 0;  // 0: one scale for the whole tensor
  std::string not_written;                    // the setting with which such weights are read and not written; empty: none
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

  // work(from, count, scale): elements [begin + from, begin + from + count) have one scale, which is the tensor's `scale`th.
  template <class Work>
  void EachRun(int64_t begin, int64_t n, const Work& work) const {
    for (int64_t from = 0; from < n;) {
      const int64_t line = (begin + from) / columns_, column = (begin + from) % columns_, block = column / block_columns_;
      const int64_t scale_line = line / rows_ * scale_rows_ + line % rows_ / block_rows_;
      const int64_t count = std::min(n - from, std::min(columns_, (block + 1) * block_columns_) - column);
      work(from, count, scale_line * scale_columns_ + block);
      from += count;
    }
  }

 private:
  int64_t rows_ = 1, columns_ = 1, block_rows_, block_columns_;
  int64_t scales_ = 1, scale_rows_ = 1, scale_columns_ = 1;
  std::vector<std::vector<int64_t>> scale_shapes_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FP8_H_
