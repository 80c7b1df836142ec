#include "core/model/folder_weights.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <unordered_set>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/model/fp8_encoder.h"
#include "core/model/mxfp4.h"
#include "core/model/tensor_order.h"

namespace hlm {
namespace {

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr const char* kScaleSuffix = "_scale_inv";
constexpr const char* kActivationScale = ".activation_scale";
constexpr int64_t kMostIndexBytes = 100'000'000;
constexpr int64_t kCompareChunk = int64_t{1} << 16;

// A buffer of old checkpoints: computed from the configuration today.
bool IsRotaryBuffer(std::string_view name) {
  constexpr std::string_view kSuffix = ".rotary_emb.inv_freq";
  return name.size() >= kSuffix.size() && name.substr(name.size() - kSuffix.size()) == kSuffix;
}

bool EndsWith(std::string_view name, std::string_view end) {
  return name.size() >= end.size() && name.substr(name.size() - end.size()) == end;
}

bool IsCarried(std::string_view name, const ModelNames& names) {
  const auto begins = [](std::string_view text, const std::vector<std::string>& all) {
    return std::any_of(all.begin(), all.end(), [&](const std::string& begin) { return text.starts_with(begin); });
  };
  if (begins(name, names.carried_prefixes)) return true;
  if (name.starts_with(names.prefix) && begins(name.substr(names.prefix.size()), names.carried_below)) return true;
  return std::any_of(names.carried_suffixes.begin(), names.carried_suffixes.end(),
                     [&](const std::string& end) { return EndsWith(name, end); });
}

bool IsIgnored(std::string_view name, const ModelNames& names) {
  return std::any_of(names.ignored_suffixes.begin(), names.ignored_suffixes.end(),
                     [&](const std::string& end) { return EndsWith(name, end); });
}

// A shard is a file of the same folder, never a path that leads out of it.
void CheckShardName(const std::string& name, const std::string& where) {
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
    throw InvalidArgument(where, ": weight_map names ", Printable(name), ", which is not a file of the folder");
  }
}

std::map<std::string, std::string> ReadIndex(const std::string& path) {
  const std::string where = PrintablePath(path);
  const JsonValue index = ParseJson(ReadSmallFile(path, kMostIndexBytes), where);
  const JsonValue* weight_map = index.Find("weight_map");
  if (weight_map == nullptr || !weight_map->IsObject() || weight_map->IsEmpty()) {
    throw InvalidArgument(where, ": weight_map must be an object that maps tensors to files");
  }
  std::map<std::string, std::string> shard_of;
  for (const auto& [tensor, file] : weight_map->Members()) {
    if (!file.IsString()) {
      throw InvalidArgument(where, ": weight_map maps ", Printable(tensor), " to ", PrintableJson(file),
                            ", which is not a file name");
    }
    CheckShardName(file.String(), where);
    shard_of[tensor] = file.String();
  }
  return shard_of;
}

// "; 5 more are missing: a, b, c and others": of names behind the first.
std::string Others(const std::vector<std::string>& names, const char* what) {
  constexpr size_t kNamed = 4;
  if (names.size() < 2) return "";
  std::string text = StrCat("; ", names.size() - 1, " more ", names.size() == 2 ? "is " : "are ", what, ": ");
  for (size_t i = 1; i < std::min(names.size(), kNamed); ++i) text += (i == 1 ? "" : ", ") + names[i];
  return text + (names.size() > kNamed ? " and others" : "");
}

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

FolderWeights::FolderWeights(const std::string& folder) : folder_(folder) {
  const std::string single = folder + "/" + kSingleFile, index = folder + "/" + kIndexFile;
  if (Exists(single)) {
    OpenSingle(single);
  } else if (Exists(index)) {
    OpenShards(folder, index);
  } else {
    std::string other;
    for (const char* pickled : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
      if (Exists(folder + "/" + pickled))
        other = StrCat("; ", pickled, " is pickled: transformers' save_pretrained makes safetensors of it");
    }
    throw NotFound(PrintablePath(folder), ": has neither ", kSingleFile, " nor ", kIndexFile, " (only safetensors are read)",
                   other);
  }
}

void FolderWeights::AddFile(const std::string& path) {
  files_.push_back(std::make_unique<SafetensorsFile>(path));
  for (const TensorEntry& entry : files_.back()->tensors()) {
    const auto [other, added] = places_.emplace(entry.name, Place{files_.back().get(), &entry});
    if (!added) {
      throw InvalidArgument(PrintablePath(path), ": tensor ", Printable(entry.name), " is also in ",
                            PrintablePath(other->second.file->path()));
    }
  }
}

void FolderWeights::OpenSingle(const std::string& path) {
  where_ = path;
  AddFile(path);
}

void FolderWeights::OpenShards(const std::string& folder, const std::string& index) {
  where_ = index;
  const std::map<std::string, std::string> shard_of = ReadIndex(index);
  std::unordered_set<std::string> opened;
  for (const auto& [tensor, shard] : shard_of) {
    if (!opened.insert(shard).second) continue;
    if (!Exists(folder + "/" + shard)) {
      throw NotFound(PrintablePath(index), ": names the shard ", Printable(shard), ", which is not in the folder");
    }
    AddFile(folder + "/" + shard);
  }
  for (const auto& [tensor, shard] : shard_of) {
    const auto place = places_.find(tensor);
    if (place == places_.end() || place->second.file->path() != folder + "/" + shard) {
      throw InvalidArgument(PrintablePath(index), ": maps tensor ", Printable(tensor), " to ", Printable(shard),
                            ", which lacks it");
    }
  }
  for (const auto& [tensor, place] : places_) {
    if (!shard_of.contains(std::string(tensor)) && !IsRotaryBuffer(tensor)) {
      throw InvalidArgument(PrintablePath(index), ": does not map tensor ", Printable(tensor), " of ",
                            PrintablePath(place.file->path()));
    }
  }
}

void FolderWeights::Check(const ModelLayout& layout, const ModelNames& names) {
  std::unordered_set<std::string_view> wanted;
  std::vector<std::string> missing, strange;
  bool f32 = false, bf16 = false, f16 = false;
  for (const UnitSpec& unit : layout.units) {
    for (const TensorSpec& tensor : unit.tensors) {
      const auto place = places_.find(tensor.name);
      // Numbers that are built into the mathematics of files which lack them.
      if (place == places_.end() && tensor.init == TensorInit::kNumber) continue;
      if (place == places_.end()) {
        const std::optional<Packed> packed = FindPacked(tensor);
        if (!packed) {
          missing.push_back(tensor.name);
          continue;
        }
        packed_[tensor.name] = *packed;
        wanted.insert(packed->blocks.entry->name);
        wanted.insert(packed->scales.entry->name);
        bf16 = true;  // which holds all of their numbers
        continue;
      }
      wanted.insert(tensor.name);
      if (names.fp8.on && place->second.entry->dtype == "F8_E4M3") {
        scaled_.insert_or_assign(tensor.name, FindScaled(tensor, place->second, names.fp8));
        wanted.insert(places_.find(tensor.name + kScaleSuffix)->second.entry->name);
        bf16 = true;
        continue;
      }
      CheckTensor(tensor, place->second);
      const DType type = *WeightType(place->second.entry->dtype);
      (type == DType::kF32 ? f32 : type == DType::kBF16 ? bf16 : f16) = true;
    }
  }
  NoteWhatIsNotWritten(names);
  dtype_ = f32 || (bf16 && f16) ? DType::kF32 : bf16 ? DType::kBF16 : DType::kF16;

  carried_.clear();
  for (const auto& [name, place] : places_) {
    if (wanted.contains(name) || IsRotaryBuffer(name)) continue;
    if (layout.tied && name == names.head) {
      CheckTiedHead(layout.units[static_cast<size_t>(layout.HeadUnit())].tensors[0], names.head, place);
      continue;
    }
    if (IsIgnored(name, names)) continue;
    const bool empty = place.entry->begin == place.entry->end;  // parts of a width of 0, which some classes have and write
    if (empty || IsCarried(name, names)) {
      carried_.push_back({place.file, place.entry});
      continue;
    }
    strange.push_back(StrCat(PrintablePath(place.file->path()), ": tensor ", Printable(name)));
  }
  // All that is wrong, not the first thing only: the one says what the other means.
  std::sort(strange.begin(), strange.end());
  if (!missing.empty()) {
    throw InvalidArgument(
        PrintablePath(where_), ": tensor ", missing.front(), " is missing", Others(missing, "missing"),
        strange.empty() ? "" : StrCat("; ", strange.size(), " are not part of the model, as ", strange.front()));
  }
  if (!strange.empty()) throw InvalidArgument(strange.front(), " is not part of the model", Others(strange, "not part of it"));
  std::sort(carried_.begin(), carried_.end(), [](const Place& a, const Place& b) { return a.entry->name < b.entry->name; });
}

void FolderWeights::NoteWhatIsNotWritten(const ModelNames& names) {
  not_written_.clear();
  if (scaled_.empty()) return;
  if (!names.fp8.not_written.empty()) {
    not_written_ = StrCat(PrintablePath(folder_), "/", names.fp8.not_written);
    return;
  }
  const auto note = [&](const Place& place) {
    const std::string found =
        StrCat(PrintablePath(place.file->path()), ": tensor ", Printable(place.entry->name), " of type ", place.entry->dtype);
    if (not_written_.empty() || found < not_written_) not_written_ = found;
  };
  for (const auto& [name, scaled] : scaled_) {
    if (!ScaleTypeOf(scaled.scales_entry->dtype)) note(places_.find(name + kScaleSuffix)->second);
  }
  for (const auto& [name, place] : places_) {
    if (EndsWith(name, kActivationScale)) note(place);
  }
}

void FolderWeights::CheckPacking() const {
  if (!not_written_.empty())
    throw Unimplemented(not_written_, ": fp8 weights of such a folder are read and not written; save them as bf16");
}

std::optional<TensorForm> FolderWeights::FormOf(const TensorSpec& tensor) const {
  if (const auto packed = packed_.find(tensor.name); packed != packed_.end())
    return Mxfp4Form{packed->second.scales.entry->shape};
  if (const auto found = scaled_.find(tensor.name); found != scaled_.end()) {
    const Scaled& scaled = found->second;
    return Fp8Form{&scaled.blocks, &scaled.scales, scaled.scales_entry->dtype, scaled.scales_entry->shape};
  }
  const auto place = places_.find(tensor.name);
  if (place == places_.end()) return std::nullopt;
  return *WeightType(place->second.entry->dtype);
}

void FolderWeights::CheckTensor(const TensorSpec& wanted, const Place& found) const {
  const std::string where = StrCat(PrintablePath(found.file->path()), ": tensor ", Printable(found.entry->name));
  if (found.entry->shape != wanted.shape) {
    throw InvalidArgument(where, ": shape ", ShapeText(found.entry->shape), ", expected ", ShapeText(wanted.shape),
                          " by config.json");
  }
  if (!WeightType(found.entry->dtype)) {
    throw InvalidArgument(where, ": dtype ", found.entry->dtype, ", expected F32, BF16 or F16");
  }
}

FolderWeights::Scaled FolderWeights::FindScaled(const TensorSpec& wanted, const Place& codes, const Fp8Format& format) const {
  const std::string where = StrCat(PrintablePath(codes.file->path()), ": tensor ", Printable(codes.entry->name));
  if (codes.entry->shape != wanted.shape) {
    throw InvalidArgument(where, ": shape ", ShapeText(codes.entry->shape), ", expected ", ShapeText(wanted.shape),
                          " by config.json");
  }
  const auto found = places_.find(wanted.name + kScaleSuffix);
  if (found == places_.end())
    throw InvalidArgument(where, ": F8_E4M3 without ", wanted.name, kScaleSuffix, ", which holds its scales");
  const Place& place = found->second;
  Scaled scaled{codes, Fp8Blocks(format, wanted.shape), {}, place.entry};
  const auto& shapes = scaled.blocks.scale_shapes();
  const bool fits = std::find(shapes.begin(), shapes.end(), place.entry->shape) != shapes.end();
  const bool exponents = place.entry->dtype == "F8_E8M0" || place.entry->dtype == "U8";
  if (!fits || !(exponents || WeightType(place.entry->dtype))) {
    throw InvalidArgument(PrintablePath(place.file->path()), ": tensor ", Printable(place.entry->name), ": ", place.entry->dtype,
                          " of shape ", ShapeText(place.entry->shape), ", expected F32, BF16, F16 or F8_E8M0 of shape ",
                          ShapeText(shapes.back()), " by quantization_config");
  }
  scaled.scales.resize(static_cast<size_t>(scaled.blocks.scales()));
  if (!exponents) {
    place.file->Read(*place.entry, 0, scaled.blocks.scales(), scaled.scales.data());
    return scaled;
  }
  std::vector<uint8_t> bytes(scaled.scales.size());
  place.file->ReadBytes(*place.entry, 0, bytes.size(), bytes.data());
  for (size_t i = 0; i < bytes.size(); ++i) scaled.scales[i] = std::ldexp(1.0f, static_cast<int>(bytes[i]) - 127);
  return scaled;
}

void FolderWeights::ReadScaled(const Scaled& scaled, int64_t begin, int64_t n, float* out) const {
  constexpr int64_t kChunk = int64_t{1} << 16;
  std::vector<uint8_t> codes(static_cast<size_t>(std::min(n, kChunk)));
  for (int64_t done = 0; done < n; done += kChunk) {
    const int64_t at = begin + done, count = std::min(kChunk, n - done);
    scaled.codes.file->ReadBytes(*scaled.codes.entry, at, static_cast<size_t>(count), codes.data());
    scaled.blocks.Decode(codes.data(), scaled.scales.data(), at, count, out + done);
    for (int64_t i = 0; i < count; ++i) {
      if (std::isfinite(out[done + i])) continue;
      throw InvalidArgument(PrintablePath(scaled.codes.file->path()), ": tensor ", Printable(scaled.codes.entry->name),
                            ": element ", at + i, " is not finite");
    }
  }
}

std::optional<FolderWeights::Packed> FolderWeights::FindPacked(const TensorSpec& wanted) const {
  const auto blocks = places_.find(wanted.name + "_blocks"), scales = places_.find(wanted.name + "_scales");
  if (blocks == places_.end() || scales == places_.end()) return std::nullopt;
  // The last dimension is cut into blocks of 32, whose 16 bytes are a dimension more.
  std::vector<int64_t> shape = wanted.shape;
  if (wanted.order != nullptr && wanted.order->transposed) std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  const std::string where = PrintablePath(blocks->second.file->path());
  if (shape.back() % kMxfp4Block != 0)
    throw InvalidArgument(where, ": tensor ", wanted.name, " in MXFP4 has rows of ", shape.back(), " elements");
  shape.back() /= kMxfp4Block;
  const auto check = [&](const Place& place, const std::vector<int64_t>& expected) {
    const TensorEntry& entry = *place.entry;
    if (entry.dtype != "U8" || entry.shape != expected) {
      throw InvalidArgument(where, ": tensor ", Printable(entry.name), ": ", entry.dtype, " of shape ", ShapeText(entry.shape),
                            ", expected U8 of ", ShapeText(expected), " by config.json");
    }
  };
  check(scales->second, shape);
  shape.push_back(kMxfp4Block / 2);
  check(blocks->second, shape);
  return Packed{blocks->second, scales->second};
}

void FolderWeights::ReadPacked(const Packed& packed, int64_t begin, int64_t n, float* out) const {
  constexpr int64_t kChunk = int64_t{1} << 16;
  std::vector<uint8_t> bytes, scales;
  for (int64_t done = 0; done < n; done += kChunk) {
    const int64_t at = begin + done, count = std::min(kChunk, n - done), last = at + count - 1;
    bytes.resize(static_cast<size_t>(last / 2 - at / 2 + 1));
    scales.resize(static_cast<size_t>(last / kMxfp4Block - at / kMxfp4Block + 1));
    packed.blocks.file->ReadBytes(*packed.blocks.entry, at / 2, bytes.size(), bytes.data());
    packed.scales.file->ReadBytes(*packed.scales.entry, at / kMxfp4Block, scales.size(), scales.data());
    DecodeMxfp4(bytes.data(), scales.data(), at, count, out + done);
    for (int64_t i = 0; i < count; ++i) {
      if (!std::isfinite(out[done + i])) {
        throw InvalidArgument(PrintablePath(packed.blocks.file->path()), ": tensor ", Printable(packed.blocks.entry->name),
                              ": element ", at + i, " is not finite");
      }
    }
  }
}

void FolderWeights::CheckTiedHead(const TensorSpec& embedding, const std::string& name, const Place& head) const {
  CheckTensor(embedding, head);
  std::vector<float> a(static_cast<size_t>(std::min(kCompareChunk, embedding.elements))), b(a.size());
  for (int64_t at = 0; at < embedding.elements; at += kCompareChunk) {
    const int64_t n = std::min(kCompareChunk, embedding.elements - at);
    Read(embedding, at, n, a.data());
    head.file->Read(*head.entry, at, n, b.data());
    const auto different = std::mismatch(a.begin(), a.begin() + n, b.begin());
    if (different.first != a.begin() + n) {
      throw InvalidArgument(PrintablePath(head.file->path()), ": tensor ", name, ": element ", at + (different.first - a.begin()),
                            " is ", *different.second, " but ", embedding.name, " has ", *different.first,
                            "; config.json ties the two (tie_word_embeddings)");
    }
  }
}

std::vector<CarriedTensor> FolderWeights::Carried() const {
  std::vector<CarriedTensor> carried;
  for (const Place& place : carried_) {
    const TensorEntry& entry = *place.entry;
    carried.push_back(
        {entry.name, entry.dtype, entry.shape, entry.end - entry.begin,
         [place](int64_t begin, size_t bytes, void* to) { place.file->ReadBytes(*place.entry, begin, bytes, to); }});
  }
  return carried;
}

void FolderWeights::Read(const TensorSpec& tensor, int64_t begin, int64_t n, float* out) const {
  if (const auto packed = packed_.find(tensor.name); packed != packed_.end()) return ReadPacked(packed->second, begin, n, out);
  const auto place = places_.find(tensor.name);
  if (place == places_.end() && tensor.init == TensorInit::kNumber) {
    std::fill_n(out, n, static_cast<float>(tensor.number));
    return;
  }
  HLM_CHECK(place != places_.end(), tensor.name);
  const auto scaled = scaled_.find(tensor.name);
  const auto disk = [&](int64_t at, int64_t count, float* to) {
    if (scaled != scaled_.end()) return ReadScaled(scaled->second, at, count, to);
    place->second.file->Read(*place->second.entry, at, count, to);
  };
  if (tensor.order == nullptr) return disk(begin, n, out);
  SlabFromDisk(*tensor.order, disk, begin, n, out);
}

}  // namespace hlm
