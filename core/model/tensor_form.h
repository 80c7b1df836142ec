// How a tensor lies in a folder: as plain numbers, or packed, with scales beside them.
#ifndef HORIZON_LM_CORE_MODEL_TENSOR_FORM_H_
#define HORIZON_LM_CORE_MODEL_TENSOR_FORM_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/base/dtype.h"
#include "core/model/fp8.h"

namespace hlm {

// NAME in F8_E4M3 and NAME_scale_inv. What it points to is the source's.
struct Fp8Form {
  const Fp8Blocks* blocks = nullptr;
  const std::vector<float>* scales = nullptr;  // [blocks->scales()]
  std::string scale_dtype;                     // as the file has it
  std::vector<int64_t> scale_shape;
};

// NAME_blocks and NAME_scales, whose matrices are the slab's.
struct Mxfp4Form {
  std::vector<int64_t> scale_shape;  // the blocks' has a dimension more
};

using TensorForm = std::variant<DType, Fp8Form, Mxfp4Form>;

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_TENSOR_FORM_H_
