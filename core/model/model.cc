#include "core/model/model.h"

#include <filesystem>

#include "core/base/error.h"
#include "core/model/config.h"
#include "core/model/file.h"
#include "core/model/folder_weights.h"
#include "core/model/init.h"
#include "core/model/json_text.h"

namespace hlm {
namespace {

void CheckFolder(const std::string& folder) {
  std::error_code error;
  const auto status = std::filesystem::status(folder, error);
  if (!std::filesystem::exists(status)) throw NotFound(PrintablePath(folder), ": no such folder");
  if (!std::filesystem::is_directory(status)) throw InvalidArgument(PrintablePath(folder), ": not a folder");
  if (std::filesystem::exists(folder + "/adapter_config.json", error)) {
    throw Unimplemented(PrintablePath(folder),
                        ": adapter_config.json: adapters on top of a model are not supported; merge them first");
  }
}

}  // namespace

std::shared_ptr<const Model> Model::Open(const std::string& folder) {
  CheckFolder(folder);
  auto model = std::make_shared<Model>();
  model->folder_ = std::filesystem::absolute(folder).string();  // saving later must not depend on the working directory
  model->config_json_ = ReadSmallFile(folder + "/config.json", kMostConfigBytes);
  try {
    model->spec_ = ParseConfig(model->config_json_);
  } catch (const Error& error) {
    throw Error(error.code(), PrintablePath(folder) + "/" + error.message());  // its messages begin with "config.json"
  }
  model->layout_ = MakeLayout(model->spec_);
  auto weights = std::make_shared<const FolderWeights>(folder, model->layout_);
  model->source_dtype_ = weights->dtype();
  model->weights_ = std::move(weights);
  return model;
}

std::shared_ptr<const Model> Model::FromWeights(
    const std::string& folder, const std::string& config_json, DType source_dtype, std::vector<std::string> own_files,
    const std::function<std::shared_ptr<const WeightSource>(const ModelLayout& layout)>& make_weights) {
  auto model = std::make_shared<Model>();
  model->folder_ = std::filesystem::absolute(folder).string();
  model->config_json_ = config_json;
  try {
    model->spec_ = ParseConfig(config_json);
  } catch (const Error& error) {
    throw Error(error.code(), PrintablePath(folder) + "/" + error.message());
  }
  model->layout_ = MakeLayout(model->spec_);
  model->source_dtype_ = source_dtype;
  model->own_files_ = std::move(own_files);
  model->weights_ = make_weights(model->layout_);
  return model;
}

std::shared_ptr<const Model> Model::Create(const std::string& config_json, int64_t init_seed) {
  auto model = std::make_shared<Model>();
  model->config_json_ = config_json;
  model->spec_ = ParseConfig(config_json);
  model->layout_ = MakeLayout(model->spec_);
  model->weights_ = std::make_shared<const SeededWeights>(init_seed, model->spec_.initializer_range);
  return model;
}

}  // namespace hlm
