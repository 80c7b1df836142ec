#include "core/model/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"

namespace hlm {
namespace {

constexpr int64_t kReadChunk = int64_t{1} << 15;   // elements: 64 KiB of 16-bit values, in cache while they are converted
constexpr int64_t kWriteChunk = int64_t{1} << 18;  // elements: 1 MiB of floats

// The first element that is NaN or infinite; n where there is none.
int64_t FirstNotFinite(const float* values, int64_t n) {
  constexpr uint32_t kExponent = 0x7f800000u;
  const auto not_finite = [](float value) { return (std::bit_cast<uint32_t>(value) & kExponent) == kExponent; };
  bool any = false;
  for (int64_t i = 0; i < n; ++i) any |= not_finite(values[i]);
  if (!any) return n;
  return std::find_if(values, values + n, not_finite) - values;
}

const char* NotFiniteName(float value) { return std::isnan(value) ? "NaN" : value > 0 ? "infinity" : "-infinity"; }

// Converts a chunk for the file. `first` is the index of its first element in the tensor.
void Narrow(const TensorSpec& tensor, int64_t first, int64_t n, const float* values, DType type, uint16_t* out) {
  constexpr float kLargestBf16 = 0x1.fep127f, kLargestF16 = 65504.0f;
  bool overflow = false;
  if (type == DType::kBF16) {
    for (int64_t i = 0; i < n; ++i) {
      out[i] = FloatToBf16(values[i]);
      overflow |= (out[i] & 0x7f80u) == 0x7f80u;
    }
  } else {
    for (int64_t i = 0; i < n; ++i) {
      out[i] = FloatToF16(values[i]);
      overflow |= (out[i] & 0x7c00u) == 0x7c00u;
    }
  }
  if (!overflow) return;
  for (int64_t i = 0; i < n; ++i) {
    const bool infinite = type == DType::kBF16 ? (out[i] & 0x7f80u) == 0x7f80u : (out[i] & 0x7c00u) == 0x7c00u;
    if (infinite) {
      throw OutOfRange("tensor ", Printable(tensor.name), ": element ", first + i, " is ", values[i], ", more than ", Name(type),
                       " holds (", type == DType::kBF16 ? kLargestBf16 : kLargestF16, "); save as another type");
    }
  }
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) : file_(path) {
  const std::string where = PrintablePath(path);
  if (file_.size() < kSafetensorsLengthBytes) {
    throw DataLoss(where, ": has ", Counted(file_.size(), "byte"),
                   "; a safetensors file begins with 8 bytes of length (cut off?)");
  }
  uint64_t length = 0;
  file_.ReadAt(0, &length, sizeof length);
  if (length > static_cast<uint64_t>(kMostSafetensorsHeaderBytes)) {
    throw InvalidArgument(where, ": not a safetensors file: a header of ", length, " bytes, at most ",
                          kMostSafetensorsHeaderBytes, " are legal");
  }
  data_begin_ = kSafetensorsLengthBytes + static_cast<int64_t>(length);
  if (data_begin_ > file_.size()) {
    throw DataLoss(where, ": its header takes ", length, " bytes, but the file has only ", file_.size(), " (cut off?)");
  }
  std::string json(static_cast<size_t>(length), '\0');
  file_.ReadAt(kSafetensorsLengthBytes, json.data(), json.size());
  tensors_ = ParseSafetensorsHeader(json, file_.size() - data_begin_, where);
}

void SafetensorsFile::Read(const TensorEntry& tensor, int64_t begin, int64_t n, float* out) const {
  const auto type = WeightType(tensor.dtype);
  HLM_CHECK(type.has_value(), tensor.name, " is ", tensor.dtype);
  const auto bytes = static_cast<int64_t>(SizeOf(*type));
  HLM_CHECK(begin >= 0 && n >= 0 && begin <= (tensor.end - tensor.begin) / bytes - n, tensor.name, ": ", begin, " + ", n);

  std::vector<uint16_t> raw(*type == DType::kF32 ? 0 : static_cast<size_t>(std::min(n, kReadChunk)));
  for (int64_t done = 0; done < n; done += kReadChunk) {
    const int64_t count = std::min(n - done, kReadChunk);
    const int64_t at = data_begin_ + tensor.begin + (begin + done) * bytes;
    float* to = out + done;
    if (*type == DType::kF32) {
      file_.ReadAt(at, to, static_cast<size_t>(count) * sizeof(float));
    } else {
      file_.ReadAt(at, raw.data(), static_cast<size_t>(count) * sizeof(uint16_t));
      if (*type == DType::kBF16) {
        for (int64_t i = 0; i < count; ++i) to[i] = Bf16ToFloat(raw[static_cast<size_t>(i)]);
      } else {
        for (int64_t i = 0; i < count; ++i) to[i] = F16ToFloat(raw[static_cast<size_t>(i)]);
      }
    }
    if (const int64_t bad = FirstNotFinite(to, count); bad < count) {
      throw InvalidArgument(PrintablePath(path()), ": tensor ", Printable(tensor.name), ": element ", begin + done + bad, " is ",
                            NotFiniteName(to[bad]));
    }
  }
}

void WriteSafetensors(const std::string& path, const std::vector<const TensorSpec*>& tensors, DType type,
                      const TensorReader& read) {
  OutputFile file(path);
  const std::string header = MakeSafetensorsHeader(tensors, type);
  file.Append(header.data(), header.size());
  std::vector<float> values(static_cast<size_t>(kWriteChunk));
  std::vector<uint16_t> narrow(type == DType::kF32 ? 0 : values.size());
  for (const TensorSpec* tensor : tensors) {
    for (int64_t at = 0; at < tensor->elements; at += kWriteChunk) {
      const int64_t n = std::min(tensor->elements - at, kWriteChunk);
      read(*tensor, at, n, values.data());
      if (const int64_t bad = FirstNotFinite(values.data(), n); bad < n) {
        throw FailedPrecondition("tensor ", Printable(tensor->name), ": element ", at + bad, " is ",
                                 NotFiniteName(values[static_cast<size_t>(bad)]), "; such a model is not saved");
      }
      if (type == DType::kF32) {
        file.Append(values.data(), static_cast<size_t>(n) * sizeof(float));
      } else {
        Narrow(*tensor, at, n, values.data(), type, narrow.data());
        file.Append(narrow.data(), static_cast<size_t>(n) * sizeof(uint16_t));
      }
    }
  }
  file.Finish();
}

std::vector<CarriedTensor> SafetensorsFile::AsCarried() const {
  std::vector<CarriedTensor> carried;
  for (const TensorEntry& entry : tensors_) {
    carried.push_back({entry.name, entry.dtype, entry.shape, entry.end - entry.begin,
                       [this, &entry](int64_t begin, size_t bytes, void* to) { ReadBytes(entry, begin, bytes, to); }});
  }
  return carried;
}

void WriteCarried(const std::string& path, const std::vector<CarriedTensor>& tensors) {
  OutputFile file(path);
  const std::string header = MakeSafetensorsHeader(tensors);
  file.Append(header.data(), header.size());
  std::vector<std::byte> chunk(static_cast<size_t>(kWriteChunk));
  for (const CarriedTensor& tensor : tensors) {
    for (int64_t at = 0; at < tensor.bytes; at += kWriteChunk) {
      const size_t bytes = static_cast<size_t>(std::min(tensor.bytes - at, kWriteChunk));
      tensor.read(at, bytes, chunk.data());
      file.Append(chunk.data(), bytes);
    }
  }
  file.Finish();
}

}  // namespace hlm
