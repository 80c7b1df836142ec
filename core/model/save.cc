// SaveFolder of model.h.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/io/staged_folder.h"
#include "core/model/config.h"
#include "core/model/folder_files.h"
#include "core/model/model.h"
#include "core/model/safetensors_writer.h"
#include "core/model/save_parts.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;

// Five digits, as transformers names shards.
std::string ShardName(size_t shard, size_t shards) {
  const auto digits = [](size_t n) {
    const std::string text = std::to_string(n);
    return std::string(text.size() < 5 ? 5 - text.size() : 0, '0') + text;
  };
  return StrCat("model-", digits(shard + 1), "-of-", digits(shards), ".safetensors");
}

void WriteText(const std::string& path, const std::string& text) {
  OutputFile file(path);
  file.Append(text.data(), text.size());
  file.Finish();
}

// Of all tensors but packed ones, and those that the source has in a type of their own beside packed ones.
DType SavedType(const Model& model, const SaveOptions& options) {
  if (options.dtype) return *options.dtype;
  if (!model.source_quantization().empty()) return DType::kBF16;
  return model.source_dtype().value_or(options.default_dtype);
}

TensorForm SavedForm(const Model& model, const SaveOptions& options, const TensorSpec& tensor) {
  const DType type = SavedType(model, options);
  if (options.dtype || model.source_quantization().empty()) return type;
  TensorForm source = model.weights().FormOf(tensor).value_or(type);
  return options.repack || std::holds_alternative<DType>(source) ? source : type;
}

void WriteWeights(const std::vector<ShardTensors>& shards, const TensorReader& slab, const std::vector<CarriedTensor>& carried,
                  const std::string& folder) {
  if (shards.size() == 1 && carried.empty()) {
    WriteSafetensors(folder + "/model.safetensors", shards[0], slab);
    return;
  }
  // What is carried along is the last shard.
  const size_t count = shards.size() + (carried.empty() ? 0 : 1);
  int64_t total = 0;
  for (const ShardTensors& shard : shards) {
    for (const FileTensor& saved : shard) total = CheckedAdd(total, saved.bytes());
  }
  for (const CarriedTensor& tensor : carried) total = CheckedAdd(total, tensor.bytes);
  JsonWriter index(JsonWriter::Style::kIndented);
  index.BeginObject();
  index.Key("metadata").BeginObject();
  index.Member("total_size", total);
  index.EndObject();
  index.Key("weight_map").BeginObject();
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = ShardName(i, count);
    WriteSafetensors(folder + "/" + name, shards[i], slab);
    for (const FileTensor& saved : shards[i]) {
      for (const FilePart& part : saved.parts) index.Member(part.name, name);
    }
  }
  if (!carried.empty()) {
    const std::string name = ShardName(shards.size(), count);
    WriteCarried(folder + "/" + name, carried);
    for (const CarriedTensor& tensor : carried) index.Member(tensor.name, name);
  }
  index.EndObject();
  index.EndObject();
  WriteText(folder + "/model.safetensors.index.json", index.Take() + "\n");
}

}  // namespace

bool Repacks(const Model& model, const SaveOptions& options) {
  if (options.repack) model.weights().CheckPacking();
  return options.repack && !model.source_quantization().empty();
}

std::vector<ShardTensors> MakeShards(const Model& model, const SaveOptions& options) {
  std::vector<ShardTensors> shards(1);
  int64_t filled = 0;
  for (const UnitSpec& unit : model.layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      FileTensor saved(tensor, SavedForm(model, options, tensor));
      const int64_t bytes = saved.bytes();
      if (!shards.back().empty() && filled > options.max_shard_bytes - bytes) {
        shards.emplace_back();
        filled = 0;
      }
      shards.back().push_back(std::move(saved));
      filled += bytes;
    }
  }
  return shards;
}

void CheckShardBytes(int64_t max_shard_bytes) {
  if (max_shard_bytes < 1) throw InvalidArgument("max_shard_bytes is ", max_shard_bytes, "; it must be at least 1");
}

void CheckApart(const std::string& source, const std::string& target) {
  std::error_code error;
  const fs::path from = fs::canonical(source, error);
  if (error) return;  // gone; carrying its files says so
  if (IsInside(target, from.string()))
    throw InvalidArgument(PrintablePath(target), ": lies inside the source folder ", PrintablePath(source));
  if (IsInside(from.string(), target))
    throw InvalidArgument(PrintablePath(target), ": holds the source folder ", PrintablePath(source));
}

std::function<void(const std::string&)> ReplaceableBy(const Model& model) {
  return [source = model.source_folder()](const std::string& target) {
    if (!source.empty()) CheckApart(source, target);
    CheckOnlySavedFiles(target, source);
  };
}

std::vector<std::string> CarryFiles(const Model& model, const std::string& folder) {
  std::vector<std::string> carried;
  std::set<std::string> folders;
  const auto make_folders = [&](const std::string& path) {
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      if (folders.insert(path.substr(0, slash)).second) MakeFolder(folder + "/" + path.substr(0, slash));
    }
    carried.push_back(path);
  };
  const std::string& source = model.source_folder();
  const std::vector<std::string>& own = model.own_files();
  for (const std::string& path : source.empty() || !IsFolder(source) ? std::vector<std::string>() : CarriedPaths(source)) {
    if (model.files().count(path) != 0 || std::find(own.begin(), own.end(), path) != own.end()) continue;
    make_folders(path);
    CopyFile(source + "/" + path, folder + "/" + path);
  }
  for (const auto& [path, text] : model.files()) {
    make_folders(path);
    WriteText(folder + "/" + path, text);
  }
  for (const std::string& name : folders) SyncFolder(folder + "/" + name);
  return carried;
}

void SaveFolder(const Model& model, const TensorReader& slab, const std::string& folder, const SaveOptions& options) {
  CheckShardBytes(options.max_shard_bytes);
  const bool repacks = Repacks(model, options);
  StagedFolder staged(folder, options.overwrite, ReplaceableBy(model));
  if (!model.source_folder().empty()) CheckApart(model.source_folder(), staged.target());
  WriteWeights(MakeShards(model, options), slab, model.weights().Carried(), staged.path());
  const std::optional<DType> type = repacks ? std::nullopt : std::optional(SavedType(model, options));
  WriteText(staged.path() + "/config.json", ConfigForSaving(model.config_json(), model.spec(), type));
  CarryFiles(model, staged.path());
  staged.Publish();
}

}  // namespace hlm
