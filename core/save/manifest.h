// manifest.json: everything about a checkpoint but the bytes of its arrays. docs/checkpoint.md describes the format.
#ifndef HORIZON_LM_CORE_SAVE_MANIFEST_H_
#define HORIZON_LM_CORE_SAVE_MANIFEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/dtype.h"
#include "core/io/json_value.h"
#include "core/save/array.h"

namespace hlm {

inline constexpr const char* kManifestFile = "manifest.json";
inline constexpr const char* kCarriedFile = "carried.safetensors";  // tensors of the source folder that are not the model's
// 2: a unit may lie in several files, each with the ranges of one rank. 3: some tensors are frozen, and have no other array than weights.
inline constexpr int64_t kCheckpointVersion = 3;

struct StoredArray {
  ArrayKind kind = ArrayKind::kWeights;
  ArrayType type = ArrayType::kF32;
  int64_t part = 0, first = 0, elements = 0;
  int64_t begin = 0;  // byte of the file
  uint64_t sum = 0;
  int64_t Bytes() const { return elements * static_cast<int64_t>(SizeOf(type)); }
};

struct StoredUnit {
  std::string name, file;
  int64_t bytes = 0;         // of the file
  int64_t header_bytes = 0;  // in front of the first array
  uint64_t header_sum = 0;
  std::vector<StoredArray> arrays;  // in the order of the file, without gaps

  // Elements of all arrays of a kind together; in version 1 they follow each other without gaps, beginning at 0.
  int64_t Elements(ArrayKind kind) const;
};

// What one rank has written, on its way to the one that writes the manifest.
std::string StoredUnitsText(const std::vector<StoredUnit>& units);
std::vector<StoredUnit> ParseStoredUnits(std::string_view text, const std::string& where);

struct StoredFile {
  std::string name;
  int64_t bytes = 0;
  uint64_t sum = 0;
};

struct Manifest {
  int64_t step = 0, updates = 0;
  std::vector<std::vector<int64_t>> expert_updates;  // by router and expert, where experts count their own; else empty
  std::optional<double> fixed_lr;
  DType source_dtype = DType::kBF16;  // what the model is saved as where nothing else is asked for
  std::string source_quantization;    // Model::source_quantization, of which a checkpoint keeps the name alone
  JsonValue model, numerics, settings;
  std::optional<std::string> user_data;
  std::vector<StoredUnit> units;
  std::vector<StoredFile> files;  // config.json and what is carried along

  int64_t Bytes() const;  // of all files but the manifest
  // The files of a unit, by their places in `units`; and elements of a kind in all of them.
  std::vector<size_t> Of(const std::string& unit) const;
  int64_t Elements(const std::string& unit, ArrayKind kind) const;
};

std::string ManifestText(const Manifest& manifest);

// UNIMPLEMENTED for a newer version, DATA_LOSS for all else that is wrong; messages begin with `where`.
Manifest ParseManifest(std::string_view text, const std::string& where);

// Whether the text is the one that was written: its last member is the sum over what stands before it, in this and in every later
// version.
bool ManifestIsWhole(std::string_view text);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_MANIFEST_H_
