// SaveFolder of model.h.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "core/model/config.h"
#include "core/model/file.h"
#include "core/model/json_text.h"
#include "core/model/model.h"
#include "core/model/safetensors.h"
#include "core/model/staged_folder.h"
#include "core/model/tensor_order.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;
using Shard = std::vector<const TensorSpec*>;

// In the model's order; a tensor larger than the limit has a shard of its own.
std::vector<Shard> MakeShards(const ModelLayout& layout, DType type, int64_t max_bytes) {
  std::vector<Shard> shards(1);
  int64_t filled = 0;
  for (const UnitSpec& unit : layout.units) {
    for (const TensorSpec& tensor : unit.tensors) {
      const int64_t bytes = CheckedMul(tensor.elements, static_cast<int64_t>(SizeOf(type)));
      if (!shards.back().empty() && filled > max_bytes - bytes) {
        shards.emplace_back();
        filled = 0;
      }
      shards.back().push_back(&tensor);
      filled += bytes;
    }
  }
  return shards;
}

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

void WriteWeights(const ModelLayout& layout, const TensorReader& read, const std::vector<CarriedTensor>& carried, DType type,
                  int64_t max_shard_bytes, const std::string& folder) {
  const std::vector<Shard> shards = MakeShards(layout, type, max_shard_bytes);
  if (shards.size() == 1 && carried.empty()) {
    WriteSafetensors(folder + "/model.safetensors", shards[0], type, read);
    return;
  }
  // What is carried along is the last shard.
  const size_t count = shards.size() + (carried.empty() ? 0 : 1);
  int64_t total = layout.parameters * static_cast<int64_t>(SizeOf(type));
  for (const CarriedTensor& tensor : carried) total = CheckedAdd(total, tensor.bytes);
  JsonWriter index(JsonWriter::Style::kIndented);
  index.BeginObject();
  index.Key("metadata").BeginObject();
  index.Member("total_size", total);
  index.EndObject();
  index.Key("weight_map").BeginObject();
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = ShardName(i, count);
    WriteSafetensors(folder + "/" + name, shards[i], type, read);
    for (const TensorSpec* tensor : shards[i]) index.Member(tensor->name, name);
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

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

// Weights in any format, their indices, and the configuration: what a saved folder has its own of, or must not have.
bool IsReplaced(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name == "config.json") return true;
  for (const char* suffix :
       {".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".ckpt", ".gguf", ".ggml", ".h5",
        ".h5.index.json", ".msgpack", ".msgpack.index.json", ".onnx", ".onnx_data", ".ot", ".tflite"}) {
    if (EndsWith(name, suffix)) return true;
  }
  return false;
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

}  // namespace

// Regular files, or links to them (a downloaded snapshot is a folder of links); not what lies in sub-folders.
std::vector<std::string> CarryFiles(const Model& model, const std::string& folder) {
  std::vector<std::string> carried;
  const std::string& source = model.source_folder();
  if (source.empty()) return carried;
  const std::vector<std::string>& own = model.own_files();
  for (const std::string& name : ListFolder(source)) {
    const std::string path = source + "/" + name;
    if (!IsRegularFile(path) || IsReplaced(name) || std::find(own.begin(), own.end(), name) != own.end()) continue;
    CopyFile(path, folder + "/" + name);
    carried.push_back(name);
  }
  return carried;
}

void SaveFolder(const Model& model, const TensorReader& slab, const std::string& folder, const SaveOptions& options) {
  const TensorReader read = [&](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
    const auto from = [&](int64_t at, int64_t count, float* to) { slab(tensor, at, count, to); };
    tensor.order == nullptr ? from(begin, n, out) : DiskFromSlab(*tensor.order, from, begin, n, out);
  };
  if (options.max_shard_bytes < 1)
    throw InvalidArgument("max_shard_bytes is ", options.max_shard_bytes, "; it must be at least 1");
  const DType type = options.dtype ? *options.dtype : model.source_dtype().value_or(options.default_dtype);
  StagedFolder staged(folder, options.overwrite);
  if (!model.source_folder().empty()) CheckApart(model.source_folder(), staged.target());
  WriteWeights(model.layout(), read, model.weights().Carried(), type, options.max_shard_bytes, staged.path());
  WriteText(staged.path() + "/config.json", ConfigForSaving(model.config_json(), model.spec(), type));
  CarryFiles(model, staged.path());
  staged.Publish();
}

}  // namespace hlm
