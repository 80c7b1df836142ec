// Where the weights of a model come from: a Hugging Face folder, or a seed. A trainer pulls each tensor straight into its
// store; no second copy of the model is ever in memory.
#ifndef HORIZON_LM_CORE_MODEL_MODEL_H_
#define HORIZON_LM_CORE_MODEL_MODEL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/dtype.h"
#include "core/model/layout.h"
#include "core/model/spec.h"
#include "core/model/tensor_form.h"

namespace hlm {

// A tensor of the source folder that is not the model's: it goes into a saved folder byte by byte.
struct CarriedTensor {
  std::string name, dtype;  // as the file has them
  std::vector<int64_t> shape;
  int64_t bytes = 0;
  std::function<void(int64_t begin, size_t bytes, void* to)> read;
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  // Elements [begin, begin + n) of the tensor in the slab's order, as float. Exact for F32, BF16 and F16 files.
  // Throws INVALID_ARGUMENT naming file, tensor and element where a value is NaN or infinite, DATA_LOSS on read errors.
  // May be called from several threads.
  virtual void Read(const TensorSpec& tensor, int64_t begin, int64_t n, float* out) const = 0;

  // Good for as long as the source is.
  virtual std::vector<CarriedTensor> Carried() const { return {}; }

  // How the folder has the tensor; nothing where the weights come from elsewhere, or the folder lacks it. Good for as long as the source.
  virtual std::optional<TensorForm> FormOf(const TensorSpec&) const { return std::nullopt; }
  // UNIMPLEMENTED naming file, setting or tensor, and value, where weights are packed in a way that is read and not written;
  // FAILED_PRECONDITION where they were, and it is not known how.
  virtual void CheckPacking() const {}
};

// A model: its mathematics, its slabs, its weights and what to carry along when it is saved.
class Model {
 public:
  // Opens a Hugging Face folder: reads and checks config.json and the safetensors headers, no weights yet.
  static std::shared_ptr<const Model> Open(const std::string& folder);
  // A model from the text of a config.json; weights are drawn from the seed (see init.h).
  static std::shared_ptr<const Model> Create(const std::string& config_json, int64_t init_seed, Seams seams = Seams::kDeclared);

  // A model whose weights come from anywhere: `make_weights` is called with its layout. `folder` holds the files to carry along when it
  // is saved, but for `own_files`.
  static std::shared_ptr<const Model> FromWeights(
      const std::string& folder, const std::string& config_json, DType source_dtype, std::vector<std::string> own_files,
      const std::function<std::shared_ptr<const WeightSource>(const ModelLayout& layout)>& make_weights);

  // The same model with other files beside its weights: config.json as given, `files` by their paths in a saved folder, and nothing of
  // `left_out` carried from the source.
  static std::shared_ptr<const Model> WithFiles(const Model& model, std::string config_json,
                                                std::map<std::string, std::string> files,
                                                const std::vector<std::string>& left_out);

  const ModelSpec& spec() const { return spec_; }
  const ModelLayout& layout() const { return layout_; }
  const WeightSource& weights() const { return *weights_; }
  // The type of the weights in the source folder (the widest where a folder mixes them); nothing where they come from a seed.
  std::optional<DType> source_dtype() const { return source_dtype_; }
  // What weights of the source folder are packed as: "fp8", "mxfp4", or nothing. Saved so only where SaveOptions::repack asks for it.
  const std::string& source_quantization() const { return source_quantization_; }
  const std::string& source_folder() const { return folder_; }     // empty where weights come from a seed
  const std::string& config_json() const { return config_json_; }  // the text as it was read
  // Files of the source folder that are never carried along, beside weights and config.json.
  const std::vector<std::string>& own_files() const { return own_files_; }
  // What a saved folder has beside or in place of the source's files: texts by their paths.
  const std::map<std::string, std::string>& files() const { return files_; }

 private:
  ModelSpec spec_;
  ModelLayout layout_;
  std::shared_ptr<const WeightSource> weights_;
  std::optional<DType> source_dtype_;
  std::string source_quantization_;
  std::string folder_;
  std::string config_json_;
  std::vector<std::string> own_files_;
  std::map<std::string, std::string> files_;
};

// Reads elements [begin, begin + n) of a tensor, in the slab's order, as float.
using TensorReader = std::function<void(const TensorSpec& tensor, int64_t begin, int64_t n, float* out)>;

struct SaveOptions {
  // Default: the source's type, or default_dtype where weights come from a seed. Where the source has packed weights (fp8, MXFP4) those
  // are BF16, and each of its others is of its own type.
  std::optional<DType> dtype = std::nullopt;
  DType default_dtype = DType::kBF16;  // the caller says kF32 for f32 compute
  bool repack = false;                 // dtype is nothing: packed weights are packed as the source has them
  bool overwrite = false;              // replace a folder that is not empty, where it is a saved model's alone
  int64_t max_shard_bytes = int64_t{5} << 30;
};

// Copies what of the model's source folder is neither weights nor configuration (tokenizer, generation config, licence ...; see
// folder_files.h) into `folder`, and model.files(); the paths in it. A source folder that is gone takes its files with it, but not
// the training.
std::vector<std::string> CarryFiles(const Model& model, const std::string& folder);

// Writes a Hugging Face folder: config.json (the source's, with torch_dtype/dtype as saved, and without quantization_config unless packed
// weights are packed again), model.safetensors or shards with
// model.safetensors.index.json, and every other file of the source folder (tokenizer, generation config, licence ...) but its
// weights. Written beside the target under a temporary name, files and folder fsynced, and renamed at the end: there is never
// half a folder; on any error the temporary folder is removed and an existing target is as it was.
// ALREADY_EXISTS where `folder` exists and is not empty and `overwrite` is false; FAILED_PRECONDITION naming a file in it that no save
// wrote, where `overwrite` is true; NOT_FOUND where its parent does not exist;
// INVALID_ARGUMENT where it lies inside the source folder, holds it, or is or holds the working directory; OUT_OF_RANGE naming
// the tensor where a value is too large for the type; RESOURCE_EXHAUSTED naming the file where the disk is full; UNIMPLEMENTED where
// `repack` asks for what nothing writes.
void SaveFolder(const Model& model, const TensorReader& read, const std::string& folder, const SaveOptions& options);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_MODEL_H_
