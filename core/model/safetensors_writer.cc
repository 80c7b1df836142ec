#include "core/model/safetensors_writer.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/model/fp8_encoder.h"
#include "core/model/mxfp4.h"
#include "core/model/not_finite.h"
#include "core/model/safetensors_header.h"
#include "core/model/tensor_order.h"

namespace hlm {
namespace {

constexpr int64_t kChunk = int64_t{1} << 18;  // elements: 1 MiB of floats
static_assert(kChunk % kMxfp4Block == 0);

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

// Appends the parts of tensors to a file, in any order.
class PartWriter {
 public:
  PartWriter(OutputFile& file, const TensorReader& slab) : file_(file), slab_(slab), values_(static_cast<size_t>(kChunk)) {}

  void Write(const FileTensor& saved, size_t part) {
    if (const DType* type = std::get_if<DType>(&saved.form)) return WriteNumbers(*saved.tensor, *type);
    if (const Fp8Form* form = std::get_if<Fp8Form>(&saved.form)) return WriteFp8(*saved.tensor, *form, part);
    WriteMxfp4(*saved.tensor, part);
  }

 private:
  // work(begin, n): elements [begin, begin + n) of the tensor are values_, in the order of the file or of the slab.
  template <class Work>
  void EachChunk(const TensorSpec& tensor, bool as_in_slab, const Work& work) {
    const ElementReader from = [&](int64_t begin, int64_t n, float* out) { slab_(tensor, begin, n, out); };
    for (int64_t begin = 0; begin < tensor.elements; begin += kChunk) {
      const int64_t n = std::min(tensor.elements - begin, kChunk);
      if (as_in_slab || tensor.order == nullptr) {
        from(begin, n, values_.data());
      } else {
        DiskFromSlab(*tensor.order, from, begin, n, values_.data());
      }
      if (const int64_t bad = FirstNotFinite(values_.data(), n); bad < n) {
        throw FailedPrecondition("tensor ", Printable(tensor.name), ": element ", begin + bad, " is ",
                                 NotFiniteName(values_[static_cast<size_t>(bad)]), "; such a model is not saved");
      }
      work(begin, n);
    }
  }

  void WriteNumbers(const TensorSpec& tensor, DType type) {
    if (type == DType::kF32) {
      EachChunk(tensor, false, [&](int64_t, int64_t n) { file_.Append(values_.data(), static_cast<size_t>(n) * sizeof(float)); });
      return;
    }
    narrow_.resize(values_.size());
    EachChunk(tensor, false, [&](int64_t begin, int64_t n) {
      Narrow(tensor, begin, n, values_.data(), type, narrow_.data());
      file_.Append(narrow_.data(), static_cast<size_t>(n) * sizeof(uint16_t));
    });
  }

  // Codes need the scales, which need all numbers of a block first.
  Fp8Encoder& Measured(const TensorSpec& tensor, const Fp8Form& form) {
    if (const auto found = encoders_.find(&tensor); found != encoders_.end()) return found->second;
    Fp8Encoder encoder(*form.blocks, *form.scales, *ScaleTypeOf(form.scale_dtype));
    EachChunk(tensor, false, [&](int64_t begin, int64_t n) { encoder.Measure(values_.data(), begin, n); });
    encoder.ChooseScales();
    return encoders_.emplace(&tensor, std::move(encoder)).first->second;
  }

  void WriteFp8(const TensorSpec& tensor, const Fp8Form& form, size_t part) {
    const Fp8Encoder& encoder = Measured(tensor, form);
    if (part == 1) {
      const std::string scales = encoder.ScaleBytes();
      file_.Append(scales.data(), scales.size());
      return;
    }
    codes_.resize(values_.size());
    EachChunk(tensor, false, [&](int64_t begin, int64_t n) {
      encoder.Encode(values_.data(), begin, n, codes_.data());
      file_.Append(codes_.data(), static_cast<size_t>(n));
    });
  }

  // Scales are the part behind the codes, of the same width: nothing comes between them.
  void WriteMxfp4(const TensorSpec& tensor, size_t part) {
    if (part == 1) {
      file_.Append(scales_.data(), scales_.size());
      return;
    }
    codes_.resize(values_.size());
    scales_.resize(static_cast<size_t>(tensor.elements / kMxfp4Block));
    EachChunk(tensor, true, [&](int64_t begin, int64_t n) {
      EncodeMxfp4(values_.data(), n, codes_.data(), scales_.data() + begin / kMxfp4Block);
      file_.Append(codes_.data(), static_cast<size_t>(n / 2));
    });
  }

  OutputFile& file_;
  const TensorReader& slab_;
  std::vector<float> values_;
  std::vector<uint16_t> narrow_;
  std::vector<uint8_t> codes_, scales_;
  std::map<const TensorSpec*, Fp8Encoder> encoders_;
};

}  // namespace

void WriteSafetensors(const std::string& path, const std::vector<FileTensor>& tensors, const TensorReader& slab) {
  std::vector<std::pair<const FileTensor*, size_t>> order;
  for (const FileTensor& saved : tensors) {
    for (size_t part = 0; part < saved.parts.size(); ++part) order.emplace_back(&saved, part);
  }
  const auto width = [](const auto& one) { return one.first->parts[one.second].element_bytes; };
  std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) { return width(a) > width(b); });
  std::vector<FilePart> parts;
  for (const auto& [saved, part] : order) parts.push_back(saved->parts[part]);

  OutputFile file(path);
  const std::string header = MakeSafetensorsHeader(parts);
  file.Append(header.data(), header.size());
  PartWriter writer(file, slab);
  for (const auto& [saved, part] : order) writer.Write(*saved, part);
  file.Finish();
}

void WriteCarried(const std::string& path, const std::vector<CarriedTensor>& tensors) {
  OutputFile file(path);
  const std::string header = MakeSafetensorsHeader(tensors);
  file.Append(header.data(), header.size());
  std::vector<std::byte> chunk(static_cast<size_t>(kChunk));
  for (const CarriedTensor& tensor : tensors) {
    for (int64_t at = 0; at < tensor.bytes; at += kChunk) {
      const size_t bytes = static_cast<size_t>(std::min(tensor.bytes - at, kChunk));
      tensor.read(at, bytes, chunk.data());
      file.Append(chunk.data(), bytes);
    }
  }
  file.Finish();
}

}  // namespace hlm
