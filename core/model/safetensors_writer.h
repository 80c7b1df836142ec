// Writing a safetensors file: tensors of the model as numbers or packed, and tensors that are carried along.
#ifndef HORIZON_LM_CORE_MODEL_SAFETENSORS_WRITER_H_
#define HORIZON_LM_CORE_MODEL_SAFETENSORS_WRITER_H_

#include <string>
#include <vector>

#include "core/model/file_tensor.h"
#include "core/model/model.h"

namespace hlm {

// Writes and syncs a new file with these tensors, in this order but for the width of their elements: wide ones come first, so that each
// is aligned in the file. Numbers are rounded to nearest, ties to even. Tensors in fp8 are read twice, all others once; memory is that of a
// chunk and of the scales. OUT_OF_RANGE naming tensor, element and value where a value is too large for a type of numbers,
// FAILED_PRECONDITION where it is not finite.
void WriteSafetensors(const std::string& path, const std::vector<FileTensor>& tensors, const TensorReader& slab);

// A new file of tensors that are carried along, each with its own type and bytes.
void WriteCarried(const std::string& path, const std::vector<CarriedTensor>& tensors);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_SAFETENSORS_WRITER_H_
