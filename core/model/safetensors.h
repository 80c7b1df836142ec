// Reading safetensors files, always as float towards the caller.
#ifndef HORIZON_LM_CORE_MODEL_SAFETENSORS_H_
#define HORIZON_LM_CORE_MODEL_SAFETENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/dtype.h"
#include "core/io/file.h"
#include "core/model/layout.h"
#include "core/model/model.h"
#include "core/model/safetensors_header.h"

namespace hlm {

// An open file with a checked header. Reads with pread, not through a mapping: a file that shrinks is an error, not a signal.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::vector<TensorEntry>& tensors() const { return tensors_; }

  // Elements [begin, begin + n) of an entry of this file whose dtype is F32, BF16 or F16. INVALID_ARGUMENT naming file, tensor
  // and element for NaN and infinity. Thread-safe.
  void Read(const TensorEntry& tensor, int64_t begin, int64_t n, float* out) const;

  // Bytes of an entry of this file, of any type, as they are. Thread-safe.
  void ReadBytes(const TensorEntry& tensor, int64_t begin, size_t bytes, void* to) const {
    file_.ReadAt(data_begin_ + tensor.begin + begin, to, bytes);
  }

  // Its tensors, to be carried along; good for as long as this is.
  std::vector<CarriedTensor> AsCarried() const;

 private:
  InputFile file_;
  int64_t data_begin_ = 0;
  std::vector<TensorEntry> tensors_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_SAFETENSORS_H_
