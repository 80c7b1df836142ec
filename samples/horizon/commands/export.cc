// horizon export
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "samples/horizon/base/output.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/data/data_file.h"
#include "samples/horizon/gguf/gguf_model.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/saving.h"

namespace horizon {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLargestConfig = 16 << 20;

// Gone with all that is in it, whatever happens.
class WorkFolder {
 public:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}
  ~WorkFolder() {
    std::error_code failure;
    fs::remove_all(path_, failure);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// By way of a saved folder, beside the file: the library writes every family and every checkpoint as one, with its texts.
void WriteGguf(const Options& options, const Model& model) {
  const std::string& path = options.exported.gguf;
  if (!path.ends_with(".gguf")) throw UsageError(path + ": its name does not end in .gguf");
  if (!options.run.overwrite && access(path.c_str(), F_OK) == 0) throw Error(path + ": exists; pass --overwrite to replace it");
  CheckOutputFile(path);
  hlm_save_options save = SaveOptionsOf(options.run);
  const Json description = DescribeModel(model);
  const Json& packed = description.at("source_quantization");
  const bool given = save.dtype != HLM_DTYPE_AUTO && save.dtype != HLM_DTYPE_SOURCE;
  // Neither a type of the source's own, nor packed weights.
  if (!given && (description.at("source_dtype").is_null() || !packed.is_null())) save.dtype = HLM_DTYPE_BF16;
  if (!given && !packed.is_null()) {
    std::fprintf(stderr, "note: the model's weights are in %s; --gguf will have them in bf16\n",
                 packed.get<std::string>().c_str());
  }
  save.overwrite = 0;
  const std::string known = options.model.folder + "/config.json";  // what cannot be written is refused before anything is
  if (!options.model.folder.empty() && access(known.c_str(), F_OK) == 0)
    CheckGguf(Json::parse(ReadTextFile(known, kLargestConfig), nullptr, false));
  const WorkFolder work(path + ".folder-" + std::to_string(getpid()));
  model.Save(work.path(), save);
  const Json config = Json::parse(ReadTextFile(work.path() + "/config.json", kLargestConfig));
  CheckGguf(config);
  const SavedTensors tensors(work.path());
  const std::string saved = tensors.all().at("model.embed_tokens.weight").dtype;
  const GgufType type = saved == "F32" ? GgufType::kF32 : saved == "F16" ? GgufType::kF16 : GgufType::kBF16;
  GgufWriter writer;
  AddModel(config, tensors, type, writer);
  AddTokenizer(work.path(), config, writer);
  writer.Write(path);
}

}  // namespace

int RunExport(const Options& options) {
  CheckModelOptions(options);
  const std::string& gguf = options.exported.gguf;
  if (options.run.out.empty() && gguf.empty())
    throw UsageError("--out is needed: the Hugging Face folder to write; or --gguf, a file for llama.cpp");
  const Model model = OpenModel(options.model);
  Json written = Json::object();
  if (!options.run.out.empty()) {
    CheckOut(model, options.run, false);
    const hlm_save_options save = SaveOptionsOf(options.run);
    model.Save(options.run.out, save);
    written["out"] = options.run.out;
  }
  if (!gguf.empty()) {
    WriteGguf(options, model);
    written["gguf"] = gguf;
  }
  if (options.json) {
    std::printf("%s\n", written.dump().c_str());
  } else {
    for (const auto& [kind, path] : written.items()) std::printf("saved %s\n", path.get<std::string>().c_str());
  }
  return kExitOk;
}

}  // namespace horizon
