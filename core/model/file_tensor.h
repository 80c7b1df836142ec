// What the file of a saved folder has of a tensor of the model.
#ifndef HORIZON_LM_CORE_MODEL_FILE_TENSOR_H_
#define HORIZON_LM_CORE_MODEL_FILE_TENSOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/layout.h"
#include "core/model/tensor_form.h"

namespace hlm {

// One of the file's tensors: the numbers, or codes, or their scales.
struct FilePart {
  std::string name, dtype;
  std::vector<int64_t> shape;
  int64_t bytes = 0;
  int64_t element_bytes = 1;
};

struct FileTensor {
  FileTensor(const TensorSpec& the_tensor, TensorForm the_form);

  int64_t bytes() const;

  const TensorSpec* tensor;
  TensorForm form;
  std::vector<FilePart> parts;  // numbers alone, or codes and scales
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FILE_TENSOR_H_
