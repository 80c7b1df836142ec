#include "core/save/model.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/model/config.h"
#include "core/model/safetensors.h"
#include "core/save/directory.h"
#include "core/save/reader.h"

namespace hlm {
namespace {

constexpr int64_t kChunk = int64_t{1} << 15;  // elements on the way

class CheckpointWeights final : public WeightSource {
 public:
  CheckpointWeights(std::string folder, Manifest manifest, const ModelLayout& layout)
      : reader_(std::move(folder), std::move(manifest)), verified_(layout.units.size()) {
    for (const StoredFile& file : reader_.manifest().files) {
      if (file.name == kCarriedFile) carried_ = std::make_unique<SafetensorsFile>(reader_.folder() + "/" + kCarriedFile);
    }
    for (size_t u = 0; u < layout.units.size(); ++u) {
      const UnitSpec& unit = layout.units[u];
      stored_.push_back(reader_.manifest().Of(unit.name));
      if (stored_.back().empty() || reader_.manifest().Elements(unit.name, ArrayKind::kWeights) != unit.elements) {
        throw DataLoss(PrintablePath(reader_.folder()), ": ", unit.name, " is missing, or not what config.json asks for");
      }
      for (const TensorSpec& tensor : unit.tensors) places_[tensor.name] = u;
    }
  }

  void Read(const TensorSpec& tensor, int64_t begin, int64_t n, float* out) const override {
    Verify(places_.at(tensor.name));
    EachRun(tensor, begin, n, [&](int64_t at, int64_t done, int64_t run) { ReadRun(tensor, begin + done, at, run, out + done); });
  }

  void CheckPacking() const override {
    const std::string& packed = reader_.manifest().source_quantization;
    if (packed.empty()) return;
    throw FailedPrecondition(PrintablePath(reader_.folder()), ": a checkpoint does not keep how its source's ", packed,
                             " weights are packed: save it as bf16, or resume from it with the source's folder and save that");
  }

  std::vector<CarriedTensor> Carried() const override {
    return carried_ == nullptr ? std::vector<CarriedTensor>() : carried_->AsCarried();
  }

 private:
  // Elements [element, element + n) of the tensor, which lie from `begin` on in the unit's slab.
  void ReadRun(const TensorSpec& tensor, int64_t element, int64_t begin, int64_t n, float* out) const {
    EachArray(places_.at(tensor.name), [&](size_t stored, const StoredArray& array) {
      if (array.kind != ArrayKind::kWeights) return;
      const int64_t from = std::max(begin, array.first), to = std::min(begin + n, array.first + array.elements);
      for (int64_t at = from; at < to; at += kChunk) {
        const int64_t count = std::min(kChunk, to - at);
        float* values = out + (at - begin);
        ReadChunk(stored, array, at, count, values);
        for (int64_t i = 0; i < count; ++i) {
          if (!std::isfinite(values[i])) {
            throw InvalidArgument(PrintablePath(reader_.folder()), ": tensor ", tensor.name, ": element ",
                                  element + at - begin + i, " is ", values[i]);
          }
        }
      }
    });
  }

  // Of all files of a unit.
  template <class Work>
  void EachArray(size_t unit, const Work& work) const {
    for (const size_t stored : stored_[unit]) {
      for (const StoredArray& array : reader_.manifest().units[stored].arrays) work(stored, array);
    }
  }

  // The arrays that weights come from, once.
  void Verify(size_t unit) const {
    std::call_once(verified_[unit], [&] {
      EachArray(unit, [&](size_t stored, const StoredArray& array) {
        if (array.kind == ArrayKind::kWeights || array.kind == ArrayKind::kRemainders) reader_.Read(stored, array, nullptr);
      });
    });
  }

  void ReadChunk(size_t stored, const StoredArray& array, int64_t at, int64_t n, float* out) const {
    if (array.type == ArrayType::kF32) return reader_.ReadElements(stored, array, at - array.first, n, out);
    if (array.type != ArrayType::kBF16) throw DataLoss(PrintablePath(reader_.folder()), ": weights of type ", Name(array.type));
    std::vector<bf16_t> hi(static_cast<size_t>(n));
    reader_.ReadElements(stored, array, at - array.first, n, hi.data());
    for (int64_t i = 0; i < n; ++i) out[i] = Bf16ToFloat(hi[static_cast<size_t>(i)]);
    // Parts are cut alike for all kinds, and lie in one file.
    for (const StoredArray& other : reader_.manifest().units[stored].arrays) {
      if (other.kind != ArrayKind::kRemainders || other.part != array.part) continue;
      if (other.type != ArrayType::kU16 || other.first != array.first || other.elements != array.elements) {
        throw DataLoss(PrintablePath(reader_.folder()), ": remainders that do not fit their weights");
      }
      std::vector<uint16_t> lo(static_cast<size_t>(n));
      reader_.ReadElements(stored, other, at - array.first, n, lo.data());
      for (int64_t i = 0; i < n; ++i) out[i] = JoinMaster(hi[static_cast<size_t>(i)], lo[static_cast<size_t>(i)]);
    }
  }

  CheckpointReader reader_;
  std::unique_ptr<SafetensorsFile> carried_;        // null: nothing is carried
  std::vector<std::vector<size_t>> stored_;         // [units] its files, in the manifest
  std::unordered_map<std::string, size_t> places_;  // the unit of each tensor
  mutable std::vector<std::once_flag> verified_;    // [units]
};

}  // namespace

std::shared_ptr<const Model> OpenModelOrCheckpoint(const std::string& folder) {
  const auto has = [&](const char* file) { return IsRegularFile(folder + "/" + file); };
  if (!has(kManifestFile) || has("model.safetensors") || has("model.safetensors.index.json")) return Model::Open(folder);
  FoundCheckpoint found = LookAt(folder);
  if (found.error) throw *found.error;
  const DType dtype = found.manifest->source_dtype;
  const std::string config = ReadSmallFile(folder + "/config.json", kMostConfigBytes);
  return Model::FromWeights(folder, config, dtype, {kManifestFile, kCarriedFile}, [&](const ModelLayout& layout) {
    return std::make_shared<const CheckpointWeights>(folder, std::move(*found.manifest), layout);
  });
}

}  // namespace hlm
