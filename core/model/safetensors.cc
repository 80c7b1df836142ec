#include "core/model/safetensors.h"

#include <algorithm>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/model/not_finite.h"

namespace hlm {
namespace {

constexpr int64_t kReadChunk = int64_t{1} << 15;  // elements: 64 KiB of 16-bit values, in cache while they are converted

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

std::vector<CarriedTensor> SafetensorsFile::AsCarried() const {
  std::vector<CarriedTensor> carried;
  for (const TensorEntry& entry : tensors_) {
    carried.push_back({entry.name, entry.dtype, entry.shape, entry.end - entry.begin,
                       [this, &entry](int64_t begin, size_t bytes, void* to) { ReadBytes(entry, begin, bytes, to); }});
  }
  return carried;
}

}  // namespace hlm
