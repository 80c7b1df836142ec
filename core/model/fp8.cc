#include "core/model/fp8.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/model/config_values.h"

namespace hlm {
namespace {

constexpr int64_t kMostBlock = int64_t{1} << 20;

}  // namespace

Fp8Format ReadFp8Format(const ConfigValues& config) {
  constexpr const char* kKey = "quantization_config";
  const JsonValue* value = config.object().Find(kKey);  // not taken: other methods are refused by name
  if (value == nullptr || !value->IsObject()) return {};
  const ConfigValues own(*value, config.where() + ": " + kKey);
  if (!own.HasValue("quant_method") || !own.Value("quant_method").IsText("fp8")) return {};
  config.Take(kKey);
  if (own.HasValue("fmt") && !own.Value("fmt").IsText("e4m3") && !own.Value("fmt").IsText("float8_e4m3fn")) {
    throw Unimplemented(own.where(), ": fmt = ", PrintableJson(own.Value("fmt")),
                        " is not supported; e4m3, which is float8_e4m3fn as well, is");
  }
  if (own.HasValue("expert_dtype") && !own.Value("expert_dtype").IsText("fp8")) {
    throw Unimplemented(own.where(), ": expert_dtype = ", PrintableJson(own.Value("expert_dtype")), " is not supported; fp8 is");
  }
  // What they say shows in the tensors, or is of the activations, which are not quantised here.
  for (const char* key :
       {"activation_scheme", "modules_to_not_convert", "modules_to_convert", "ignored_layers", "scale_fmt", "dequantize"}) {
    own.Take(key);
  }
  Fp8Format format{.on = true, .block_rows = 128, .block_columns = 128};
  if (own.Has("weight_block_size")) {
    const JsonValue& size = own.Value("weight_block_size");
    const auto side = [&](size_t i) -> int64_t {
      const auto number = size.Items()[i].IsWhole() ? size.Items()[i].Int() : std::nullopt;
      return number && *number >= 1 && *number <= kMostBlock ? *number : 0;
    };
    if (size.IsNull()) {
      format.block_rows = format.block_columns = 0;
    } else if (!size.IsArray() || size.Items().size() != 2 || side(0) == 0 || side(1) == 0) {
      throw InvalidArgument(own.where(), ": weight_block_size must be a list of two whole numbers in [1, ", kMostBlock,
                            "], found ", PrintableJson(size));
    } else {
      format.block_rows = side(0), format.block_columns = side(1);
    }
  }
  for (const auto& [key, setting] : own.object().Members()) {
    if (!own.Taken(key) && !setting.IsNull()) {
      throw Unimplemented(own.where(), ": ", Printable(key), " = ", PrintableJson(setting), " is not supported");
    }
  }
  return format;
}

float E4m3ToFloat(uint8_t code) {
  const int exponent = (code >> 3) & 15, mantissa = code & 7;
  if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
  const float value =
      exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9) : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  return (code & 128) != 0 ? -value : value;
}

Fp8Blocks::Fp8Blocks(const Fp8Format& format, const std::vector<int64_t>& shape)
    : block_rows_(format.block_rows), block_columns_(format.block_columns) {
  if (!shape.empty()) columns_ = shape.back();
  if (shape.size() > 1) rows_ = shape[shape.size() - 2];
  if (block_rows_ == 0) {
    block_rows_ = rows_, block_columns_ = columns_;
    int64_t matrices = 1;
    for (size_t d = 0; d + 2 < shape.size(); ++d) matrices *= shape[d];
    if (matrices == 1) scale_shapes_ = {{}, {1}, {1, 1}};
  }
  scale_rows_ = CeilDiv(rows_, block_rows_), scale_columns_ = CeilDiv(columns_, block_columns_);
  std::vector<int64_t> scales = shape;
  if (scales.size() > 1) scales[scales.size() - 2] = scale_rows_;
  if (!scales.empty()) scales.back() = scale_columns_;
  for (const int64_t n : scales) scales_ *= n;
  scale_shapes_.push_back(std::move(scales));
}

void Fp8Blocks::Decode(const uint8_t* codes, const float* scales, int64_t begin, int64_t n, float* out) const {
  static const std::array<float, 256> kValues = [] {
    std::array<float, 256> values{};
    for (size_t code = 0; code < values.size(); ++code) values[code] = E4m3ToFloat(static_cast<uint8_t>(code));
    return values;
  }();
  for (int64_t i = 0; i < n;) {
    const int64_t at = begin + i, line = at / columns_, column = at % columns_;
    const int64_t scale_line = line / rows_ * scale_rows_ + line % rows_ / block_rows_;
    const float scale = scales[scale_line * scale_columns_ + column / block_columns_];
    const int64_t block_end = std::min(columns_, (column / block_columns_ + 1) * block_columns_);
    for (const int64_t end = std::min(n, i + block_end - column); i < end; ++i) out[i] = kValues[codes[i]] * scale;
  }
}

}  // namespace hlm
