#include "core/save/writer.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/model/config.h"
#include "core/model/safetensors_writer.h"
#include "core/save/checksum.h"

namespace hlm {
namespace {

constexpr size_t kPiece = size_t{1} << 20;       // summed and then written, out of the cache
constexpr size_t kWriteBack = size_t{64} << 20;  // between two requests to write what the page cache holds
constexpr size_t kMostUnsynced = 2;              // files: one is synced while the next is filled
constexpr size_t kHeaderAlign = 4096;            // arrays begin at a page

std::string Directory(const std::string& directory) {
  MakeFolder(directory);
  RemoveLeftovers(directory);
  return directory;
}

// A safetensors header; arrays are named <unit>.part.<part>.<kind>.
std::string Header(const std::string& unit, const std::vector<CheckpointArray>& arrays) {
  JsonWriter json;
  json.BeginObject();
  json.Key("__metadata__").BeginObject().Member("format", "horizon-lm checkpoint").Member("unit", unit).EndObject();
  int64_t at = 0;
  for (const CheckpointArray& array : arrays) {
    const int64_t end = at + static_cast<int64_t>(array.bytes);
    json.Key(StrCat(unit, ".part.", array.part, ".", Name(array.kind))).BeginObject();
    json.Member("dtype", Name(array.type));
    json.Key("shape").BeginArray().Value(array.elements).EndArray();
    json.Key("data_offsets").BeginArray().Value(at).Value(end).EndArray();
    json.EndObject();
    at = end;
  }
  json.EndObject();
  std::string text = json.Take();
  uint64_t length = text.size();
  const size_t whole = (sizeof length + text.size() + kHeaderAlign - 1) / kHeaderAlign * kHeaderAlign;
  text.append(whole - sizeof length - text.size(), ' ');
  length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text;
}

StoredFile Summed(const std::string& folder, const std::string& name) {
  const InputFile file(folder + "/" + name);
  Checksum sum;
  std::vector<std::byte> buffer(static_cast<size_t>(std::min<int64_t>(file.size(), kPiece)));
  for (int64_t at = 0; at < file.size();) {
    const auto bytes = static_cast<size_t>(std::min<int64_t>(file.size() - at, static_cast<int64_t>(buffer.size())));
    file.ReadAt(at, buffer.data(), bytes);
    sum.Add(buffer.data(), bytes);
    at += static_cast<int64_t>(bytes);
  }
  return {name, file.size(), sum.Get()};
}

void WriteText(const std::string& path, const std::string& text) {
  OutputFile file(path);
  file.Append(text.data(), text.size());
  file.Finish();
}

}  // namespace

CheckpointWriter::CheckpointWriter(const std::string& directory, CheckpointInfo info) : info_(std::move(info)) {
  staged_.emplace(Directory(directory) + "/" + CheckpointName(info_.step), true);
  path_ = staged_->path();
  lock_.emplace(path_);
  manifest_.step = info_.step;
  manifest_.updates = info_.updates;
  manifest_.expert_updates = info_.expert_updates;
  manifest_.fixed_lr = info_.fixed_lr;
  manifest_.source_dtype = info_.source_dtype;
  manifest_.source_quantization = info_.model->source_quantization();
  manifest_.model = info_.identity;
  manifest_.numerics = info_.numerics;
  manifest_.settings = info_.settings;
  manifest_.user_data = info_.user_data;
}

CheckpointWriter::CheckpointWriter(std::string path, int64_t rank) : path_(std::move(path)), suffix_(StrCat(".rank-", rank)) {
  if (!IsFolder(path_))
    throw NotFound(PrintablePath(path_), ": rank 0 has made it, and it is not seen here: all machines must see the folder");
}

CheckpointWriter::~CheckpointWriter() = default;

void CheckpointWriter::WriteUnit(const std::string& name, const std::vector<CheckpointArray>& arrays) {
  StoredUnit unit;
  unit.name = name;
  unit.file = name + suffix_ + ".safetensors";
  auto file = std::make_unique<OutputFile>(path_ + "/" + unit.file);
  const std::string header = Header(name, arrays);
  file->Append(header.data(), header.size());
  unit.header_bytes = static_cast<int64_t>(header.size());
  unit.header_sum = ChecksumOf(header);
  unit.bytes = unit.header_bytes;
  size_t unasked = 0;
  for (const CheckpointArray& array : arrays) {
    Checksum sum;
    const std::byte* data = static_cast<const std::byte*>(array.data);
    for (size_t done = 0; done < array.bytes; done += kPiece) {
      const size_t bytes = std::min(kPiece, array.bytes - done);
      sum.Add(data + done, bytes);
      file->Append(data + done, bytes);
      unasked += bytes;
      if (unasked >= kWriteBack) {
        file->StartWriteBack();
        unasked = 0;
      }
    }
    unit.arrays.push_back({array.kind, array.type, array.part, array.first, array.elements, unit.bytes, sum.Get()});
    unit.bytes += static_cast<int64_t>(array.bytes);
  }
  file->StartWriteBack();
  unsynced_.push_back(std::move(file));
  manifest_.units.push_back(std::move(unit));
  if (unsynced_.size() > kMostUnsynced) {
    unsynced_.front()->Finish();
    unsynced_.pop_front();
  }
}

void CheckpointWriter::WriteModelFiles() {
  const Model& model = *info_.model;
  WriteText(path_ + "/config.json", ConfigForSaving(model.config_json(), model.spec(), info_.source_dtype));
  manifest_.files.push_back(Summed(path_, "config.json"));
  // Tensors that are not the model's: what is saved of a run that went on from here has them too.
  if (const std::vector<CarriedTensor> carried = model.weights().Carried(); !carried.empty()) {
    WriteCarried(path_ + "/" + kCarriedFile, carried);
    manifest_.files.push_back(Summed(path_, kCarriedFile));
  }
  for (const std::string& name : CarryFiles(model, path_)) manifest_.files.push_back(Summed(path_, name));
}

std::string CheckpointWriter::Written() {
  for (; !unsynced_.empty(); unsynced_.pop_front()) unsynced_.front()->Finish();
  return StoredUnitsText(manifest_.units);
}

void CheckpointWriter::Finish(const std::vector<std::string>& others) {
  for (; !unsynced_.empty(); unsynced_.pop_front()) unsynced_.front()->Finish();
  for (const std::string& written : others) {
    for (StoredUnit& unit : ParseStoredUnits(written, "what another rank has written"))
      manifest_.units.push_back(std::move(unit));
  }
  WriteModelFiles();
  WriteText(path_ + "/" + kManifestFile, ManifestText(manifest_));
  staged_->Publish();
}

}  // namespace hlm
