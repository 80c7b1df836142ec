// The header of a safetensors file: 8 bytes of length (little-endian), then JSON {name: {dtype, shape, data_offsets}}, then the
// data. https://huggingface.co/docs/safetensors describes the format; the rules here are those of its reference implementation.
#ifndef HORIZON_LM_CORE_MODEL_SAFETENSORS_HEADER_H_
#define HORIZON_LM_CORE_MODEL_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/dtype.h"
#include "core/model/file_tensor.h"
#include "core/model/model.h"

namespace hlm {

inline constexpr int64_t kSafetensorsLengthBytes = 8;
inline constexpr int64_t kMostSafetensorsHeaderBytes = 100'000'000;  // the reference implementation's limit

struct TensorEntry {
  std::string name;
  std::string dtype;  // as written: "BF16", "I64"
  std::vector<int64_t> shape;
  int64_t begin = 0, end = 0;  // bytes from the start of the data
};

// Checks and reads the JSON of a header; `data_bytes` follow it in the file, and messages begin with `where`. INVALID_ARGUMENT
// for what is not JSON of this form, unknown types, a name that appears twice, a shape that does not fit its byte range, ranges
// that overlap or leave bytes out; DATA_LOSS where a range passes the end of the file. Entries come back in the order of the
// file.
std::vector<TensorEntry> ParseSafetensorsHeader(std::string_view json, int64_t data_bytes, const std::string& where);

// Length and JSON for tensors that follow each other in this order; padded with spaces so that the data are 8-byte aligned.
std::string MakeSafetensorsHeader(const std::vector<FilePart>& tensors);
std::string MakeSafetensorsHeader(const std::vector<CarriedTensor>& tensors);

// The type of weights that "F32", "BF16" and "F16" stand for; nothing for the other types of the format.
std::optional<DType> WeightType(std::string_view dtype);

// "[2, 3]".
std::string ShapeText(const std::vector<int64_t>& shape);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_SAFETENSORS_HEADER_H_
