#include "core/model/model.h"

#include <filesystem>
#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/model/cleared_row.h"
#include "core/model/config.h"
#include "core/model/folder_weights.h"
#include "core/model/init.h"

namespace hlm {
namespace {

void CheckFolder(const std::string& folder) {
  std::error_code error;
  const auto status = std::filesystem::status(folder, error);
  if (!std::filesystem::exists(status)) {
    // Who gives a bare name may mean that of a hub's model.
    const bool bare = folder.find('/') == std::string::npos;
    throw NotFound(PrintablePath(folder), ": no such folder",
                   bare ? StrCat("; nothing is downloaded: `hf download ORGANIZATION/", PrintablePath(folder), " --local-dir ",
                                 PrintablePath(folder), "` (pip install huggingface_hub) gets a model's")
                        : std::string());
  }
  if (!std::filesystem::is_directory(status)) throw InvalidArgument(PrintablePath(folder), ": not a folder");
  if (std::filesystem::exists(folder + "/adapter_config.json", error)) {
    throw Unimplemented(PrintablePath(folder),
                        ": adapter_config.json: adapters on top of a model are not supported; merge them first");
  }
}

ModelConfig ReadConfigOf(const std::string& folder, const std::string& config_json) {
  try {
    return ReadConfig(config_json);
  } catch (const Error& error) {
    throw Error(error.code(), PrintablePath(folder) + "/" + error.message());  // its messages begin with "config.json"
  }
}

// Folders have the same tensors under several prefixes: a language model's own, a picture model's part; or under none, as the class
// without a head writes them.
void ChoosePrefix(const FolderWeights& weights, ModelNames& names) {
  if (weights.Has(names.prefix + names.embedding)) return;
  if (names.other_prefixes.empty() && weights.Has(names.embedding)) names.prefix.clear();
  for (size_t i = 0; i < names.other_prefixes.size(); ++i) {
    if (!weights.Has(names.other_prefixes[i] + names.embedding)) continue;
    names.prefix = names.other_prefixes[i];
    names.head = names.other_heads[i];
    return;
  }
}

// What transformers writes may have other names than what the hub has.
ModelLayout LayoutOf(const FolderWeights& weights, const ModelSpec& spec, ModelNames& names) {
  ModelLayout layout = MakeLayout(spec, names);
  const auto whole = [&](const ModelLayout& one) {
    for (const UnitSpec& unit : one.units) {
      for (const TensorSpec& tensor : unit.tensors) {
        if (!weights.Fits(tensor)) return false;
      }
    }
    return true;
  };
  if (names.other_layers.empty() || whole(layout)) return layout;
  for (const NameTable& table : names.other_layers) {
    ModelNames others = names;
    for (const auto& [role, name] : table) others.layer[role] = name;
    ModelLayout other = MakeLayout(spec, others);
    if (!whole(other)) continue;
    names = std::move(others);
    return other;
  }
  return layout;  // whose messages are to be read
}

}  // namespace

std::shared_ptr<const Model> Model::Open(const std::string& folder) {
  CheckFolder(folder);
  auto model = std::make_shared<Model>();
  model->folder_ = std::filesystem::absolute(folder).string();  // saving later must not depend on the working directory
  model->config_json_ = ReadSmallFile(folder + "/config.json", kMostConfigBytes);
  ModelConfig config = ReadConfigOf(folder, model->config_json_);
  model->spec_ = std::move(config.spec);
  auto weights = std::make_shared<FolderWeights>(folder);
  ChoosePrefix(*weights, config.names);
  model->layout_ = LayoutOf(*weights, model->spec_, config.names);
  weights->Check(model->layout_, config.names);
  model->source_dtype_ = weights->dtype();
  model->source_quantization_ = weights->quantization();
  model->weights_ = std::move(weights);
  const ModelSpec& spec = model->spec_;
  if (config.names.clears_pad_row && spec.embedding.pad_token >= 0) {
    const int64_t width = spec.embedding.width > 0 ? spec.embedding.width : spec.hidden;
    model->weights_ = std::make_shared<ClearedRow>(model->weights_, config.names.prefix + config.names.embedding,
                                                   spec.embedding.pad_token, width);
  }
  return model;
}

std::shared_ptr<const Model> Model::FromWeights(
    const std::string& folder, const std::string& config_json, DType source_dtype, std::vector<std::string> own_files,
    const std::function<std::shared_ptr<const WeightSource>(const ModelLayout& layout)>& make_weights) {
  auto model = std::make_shared<Model>();
  model->folder_ = std::filesystem::absolute(folder).string();
  model->config_json_ = config_json;
  ModelConfig config = ReadConfigOf(folder, config_json);
  model->spec_ = std::move(config.spec);
  model->layout_ = MakeLayout(model->spec_, config.names);
  model->source_dtype_ = source_dtype;
  model->own_files_ = std::move(own_files);
  model->weights_ = make_weights(model->layout_);
  return model;
}

std::shared_ptr<const Model> Model::WithFiles(const Model& model, std::string config_json,
                                              std::map<std::string, std::string> files,
                                              const std::vector<std::string>& left_out) {
  auto with = std::make_shared<Model>(model);
  with->config_json_ = std::move(config_json);
  files.merge(with->files_);  // those that are given before those that are there
  with->files_ = std::move(files);
  with->own_files_.insert(with->own_files_.end(), left_out.begin(), left_out.end());
  return with;
}

std::shared_ptr<const Model> Model::Create(const std::string& config_json, int64_t init_seed, Seams seams) {
  auto model = std::make_shared<Model>();
  model->config_json_ = config_json;
  ModelConfig config = ReadConfig(config_json);
  model->spec_ = std::move(config.spec);
  model->layout_ = MakeLayout(model->spec_, config.names, seams);
  model->weights_ = std::make_shared<const SeededWeights>(init_seed, model->spec_.initializer_range);
  return model;
}

}  // namespace hlm
