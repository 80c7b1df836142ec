#include "core/model/fp8.h"

#include <array>
#include <cmath>
#include <limits>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/model/config_values.h"

namespace hlm {
namespace {

constexpr int64_t kMostBlock = int64_t{1} << 20;

// By code.
const std::array<float, 256>& Values() {
  static const std::array<float, 256> kValues = [] {
    std::array<float, 256> values{};
    for (int code = 0; code < 256; ++code) {
      const int exponent = (code >> 3) & 15, mantissa = code & 7;
      const float value = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                        : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
      values[static_cast<size_t>(code)] = (code & 128) != 0 ? -value : value;
    }
    values[127] = values[255] = std::numeric_limits<float>::quiet_NaN();
    return values;
  }();
  return kValues;
}

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
  Fp8Format format{.on = true, .block_rows = 128, .block_columns = 128, .not_written = ""};
  // Scales of activations were measured with the weights that the folder has, and are not read.
  if (own.HasValue("activation_scheme") && !own.Value("activation_scheme").IsText("dynamic"))
    format.not_written = StrCat(own.where(), ": activation_scheme = ", PrintableJson(own.Value("activation_scheme")));
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

float E4m3ToFloat(uint8_t code) { return Values()[code]; }

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
  const std::array<float, 256>& values = Values();
  EachRun(begin, n, [&](int64_t from, int64_t count, int64_t scale) {
    for (int64_t i = from; i < from + count; ++i) out[i] = values[codes[i]] * scales[scale];
  });
}

}  // namespace hlm
