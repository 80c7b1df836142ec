// The elements of dense rows that an operation is for, where the device alone knows which.
#ifndef HORIZON_LM_CORE_CUDA_SPAN_CUH_
#define HORIZON_LM_CORE_CUDA_SPAN_CUH_

#include <cstdint>

#include "core/device/args/row_range.h"

namespace hlm::cuda {

struct Span {
  int64_t begin, end;
  __device__ bool Has(int64_t i) const { return i >= begin && i < end; }
};

// Of n elements in rows of `width`.
__device__ inline Span SpanOf(const RowRange& range, int64_t n, int64_t width) {
  if (range.offsets == nullptr) return {0, n};
  return {range.offsets[range.first] * width, range.offsets[range.end] * width};
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_SPAN_CUH_
