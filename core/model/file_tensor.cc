#include "core/model/file_tensor.h"

#include <numeric>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/model/mxfp4.h"

namespace hlm {
namespace {

struct Parts {
  std::vector<FilePart> operator()(DType type) const {
    const auto bytes = static_cast<int64_t>(SizeOf(type));
    const char* name = type == DType::kF32 ? "F32" : type == DType::kBF16 ? "BF16" : "F16";
    return {{tensor.name, name, tensor.shape, CheckedMul(tensor.elements, bytes), bytes}};
  }
  std::vector<FilePart> operator()(const Fp8Form& form) const {
    const int64_t element = form.scale_dtype == "F32" ? 4 : form.scale_dtype == "BF16" ? 2 : 1;
    return {{tensor.name, "F8_E4M3", tensor.shape, tensor.elements, 1},
            {tensor.name + "_scale_inv", form.scale_dtype, form.scale_shape, form.blocks->scales() * element, element}};
  }
  std::vector<FilePart> operator()(const Mxfp4Form& form) const {
    std::vector<int64_t> blocks = form.scale_shape;
    blocks.push_back(kMxfp4Block / 2);
    return {{tensor.name + "_blocks", "U8", std::move(blocks), tensor.elements / 2, 1},
            {tensor.name + "_scales", "U8", form.scale_shape, tensor.elements / kMxfp4Block, 1}};
  }
  const TensorSpec& tensor;
};

}  // namespace

FileTensor::FileTensor(const TensorSpec& the_tensor, TensorForm the_form)
    : tensor(&the_tensor), form(std::move(the_form)), parts(std::visit(Parts{the_tensor}, form)) {}

int64_t FileTensor::bytes() const {
  return std::accumulate(parts.begin(), parts.end(), int64_t{0},
                         [](int64_t sum, const FilePart& part) { return CheckedAdd(sum, part.bytes); });
}

}  // namespace hlm
