// The weights of a Hugging Face folder: one safetensors file, or shards with an index.
#ifndef HORIZON_LM_CORE_MODEL_FOLDER_WEIGHTS_H_
#define HORIZON_LM_CORE_MODEL_FOLDER_WEIGHTS_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/dtype.h"
#include "core/model/fp8.h"
#include "core/model/layout.h"
#include "core/model/model.h"
#include "core/model/safetensors.h"

namespace hlm {

// Opens model.safetensors, or else the shards of model.safetensors.index.json; Check holds every name, shape and type against a
// layout. The files stay open: the weights stay readable when the folder is replaced.
//
// Tensors the model lacks are refused, but those that the family carries are kept as they are, *.rotary_emb.inv_freq is ignored, and
// so is the head's matrix of a tied model where its values equal the embedding's (which is read and compared here). NOT_FOUND for
// missing files; INVALID_ARGUMENT or DATA_LOSS naming file and tensor for the rest.
class FolderWeights : public WeightSource {
 public:
  explicit FolderWeights(const std::string& folder);
  FolderWeights(const std::string& folder, const ModelLayout& layout) : FolderWeights(folder) { Check(layout, LlamaNames()); }
  void Check(const ModelLayout& layout, const ModelNames& names);

  bool Has(const std::string& name) const { return places_.contains(name); }
  // Whether the tensor is there with its shape.
  bool Fits(const TensorSpec& tensor) const {
    const auto place = places_.find(tensor.name);
    return place != places_.end() && place->second.entry->shape == tensor.shape;
  }

  void Read(const TensorSpec& tensor, int64_t begin, int64_t n, float* out) const override;

  // The narrowest type that holds every weight of the folder exactly.
  DType dtype() const { return dtype_; }
  // What tensors of it are packed as: "fp8", "mxfp4", or nothing.
  std::string quantization() const { return !scaled_.empty() ? "fp8" : !packed_.empty() ? "mxfp4" : ""; }

  std::vector<CarriedTensor> Carried() const override;
  std::optional<TensorForm> FormOf(const TensorSpec& tensor) const override;
  void CheckPacking() const override;

 private:
  struct Place {
    const SafetensorsFile* file;
    const TensorEntry* entry;
  };

  // A tensor in MXFP4: NAME_blocks and NAME_scales, its matrices as the slab has them.
  struct Packed {
    Place blocks, scales;
  };
  // An F8_E4M3 tensor and NAME_scale_inv.
  struct Scaled {
    Place codes;
    Fp8Blocks blocks;
    std::vector<float> scales;
    const TensorEntry* scales_entry;
  };
  Scaled FindScaled(const TensorSpec& wanted, const Place& codes, const Fp8Format& format) const;
  void ReadScaled(const Scaled& scaled, int64_t begin, int64_t n, float* out) const;
  std::optional<Packed> FindPacked(const TensorSpec& wanted) const;
  void ReadPacked(const Packed& packed, int64_t begin, int64_t n, float* out) const;

  void OpenSingle(const std::string& path);
  void OpenShards(const std::string& folder, const std::string& index);
  void AddFile(const std::string& path);
  void CheckTensor(const TensorSpec& wanted, const Place& found) const;
  void NoteWhatIsNotWritten(const ModelNames& names);
  void CheckTiedHead(const TensorSpec& embedding, const std::string& name, const Place& head) const;

  std::string folder_;
  std::string where_;  // the weight file, or the index, for messages about the whole
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::unordered_map<std::string_view, Place> places_;  // keys lie in the files' entries
  std::unordered_map<std::string, Packed> packed_;
  std::unordered_map<std::string, Scaled> scaled_;
  std::vector<Place> carried_;
  std::string not_written_;  // the setting or tensor for which packed weights are not written; empty: none
  DType dtype_ = DType::kF32;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FOLDER_WEIGHTS_H_
