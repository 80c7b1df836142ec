#include "core/model/cleared_row.h"

#include <algorithm>

namespace hlm {

void ClearedRow::Read(const TensorSpec& tensor, int64_t begin, int64_t n, float* out) const {
  weights_->Read(tensor, begin, n, out);
  if (tensor.name != name_) return;
  const int64_t first = std::clamp(begin_, begin, begin + n), last = std::clamp(end_, begin, begin + n);
  std::fill(out + (first - begin), out + (last - begin), 0.0f);
}

}  // namespace hlm
