#include "core/model/init.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/random.h"

namespace hlm {

void SeededWeights::Read(const TensorSpec& tensor, int64_t begin, int64_t n, float* out) const {
  HLM_CHECK(begin >= 0 && n >= 0 && begin <= tensor.elements - n, tensor.name, ": ", begin, " + ", n);
  switch (tensor.init) {
    case TensorInit::kNormal:
      RandomNormals(RandomKey(seed_, tensor.name), static_cast<uint64_t>(begin), static_cast<size_t>(n), range_, out);
      return;
    case TensorInit::kOne:
      std::fill_n(out, n, 1.0f);
      return;
    case TensorInit::kZero:
      std::fill_n(out, n, 0.0f);
      return;
    case TensorInit::kNumber:
      std::fill_n(out, n, static_cast<float>(tensor.number));
      return;
  }
}

}  // namespace hlm
