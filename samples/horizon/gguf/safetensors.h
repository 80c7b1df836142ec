// The tensors of a saved folder, one file or shards, as they lie there.
#ifndef HORIZON_LM_SAMPLES_HORIZON_GGUF_SAFETENSORS_H_
#define HORIZON_LM_SAMPLES_HORIZON_GGUF_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "samples/horizon/data/data_file.h"

namespace horizon {

struct SavedTensor {
  const DataFile* file;
  std::string dtype;  // "BF16", "F16", "F32"
  std::vector<int64_t> shape;
  size_t begin, end;  // in the file

  std::vector<char> Read() const;
  // Every element as a float.
  std::vector<float> Floats() const;
};

// By name. The folder was written by the library just now: what is not as it should be is an error all the same.
class SavedTensors {
 public:
  explicit SavedTensors(const std::string& folder);
  const std::map<std::string, SavedTensor>& all() const { return tensors_; }

 private:
  std::vector<std::unique_ptr<DataFile>> files_;
  std::map<std::string, SavedTensor> tensors_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_GGUF_SAFETENSORS_H_
