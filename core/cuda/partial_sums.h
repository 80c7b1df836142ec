// Sums over many rows: rows are cut into chunks, each chunk's sum is written down, and the chunks' sums are added in a fixed
// order.
#ifndef HORIZON_LM_CORE_CUDA_PARTIAL_SUMS_H_
#define HORIZON_LM_CORE_CUDA_PARTIAL_SUMS_H_

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>

#include "core/base/checked.h"

namespace hlm::cuda {

// `count` chunks of `rows` rows; the last may have fewer.
struct RowChunks {
  int64_t count = 0, rows = 0;
};

// At most `most` chunks, of at least `least_rows` rows where there are that many.
inline RowChunks CutRows(int64_t rows, int64_t most, int64_t least_rows) {
  const int64_t each = std::max(least_rows, CeilDiv(rows, most));
  return {CeilDiv(rows, each), each};
}

// to[c] (+)= sum over parts p of partials[p, c]. Column c below `split` goes to first[c], another to second[c - split].
struct PartialSums {
  const float* partials = nullptr;  // [parts, width]
  int64_t parts = 0, width = 0;
  bool accumulate = false;
  float* first = nullptr;
  float* second = nullptr;
  int64_t split = 0;
};
void AddPartialSums(cudaStream_t stream, const PartialSums& args);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_PARTIAL_SUMS_H_
