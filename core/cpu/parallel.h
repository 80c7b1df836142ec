// Loops over fixed blocks on the calling stream's OpenMP team. What a block computes never depends on the team's size.
#ifndef HORIZON_LM_CORE_CPU_PARALLEL_H_
#define HORIZON_LM_CORE_CPU_PARALLEL_H_

#include <omp.h>

#include <algorithm>
#include <cstdint>

#include "core/base/checked.h"
#include "core/device/args/row_range.h"

namespace hlm {

// Below this many elements the start of a team costs more than it saves.
inline constexpr int64_t kElementsPerBlock = 16384;

// Rows of `width` elements that make a block worth a thread's while.
inline int64_t RowsPerBlock(int64_t width) { return std::max<int64_t>(1, kElementsPerBlock / std::max<int64_t>(1, width)); }

// work(begin, end) for the blocks of [0, n); it must not throw.
template <class Work>
void ParallelBlocks(int64_t n, int64_t block, const Work& work) {
  const int64_t blocks = CeilDiv(n, block);
  if (blocks == 1 || omp_get_max_threads() == 1 || omp_in_parallel()) {
    for (int64_t b = 0; b < blocks; ++b) work(b * block, std::min(n, (b + 1) * block));
    return;
  }
#pragma omp parallel for schedule(static)
  for (int64_t b = 0; b < blocks; ++b) work(b * block, std::min(n, (b + 1) * block));
}

// The same for those of `rows` rows that the range has.
template <class Work>
void ParallelRows(const RowRange& range, int64_t rows, int64_t block, const Work& work) {
  const int64_t first = range.offsets == nullptr ? 0 : range.offsets[range.first];
  const int64_t count = range.offsets == nullptr ? rows : range.offsets[range.end] - first;
  ParallelBlocks(count, block, [&](int64_t begin, int64_t end) { work(first + begin, first + end); });
}

// Sums over many rows are made of partial sums over fixed blocks of rows, at most kMostPartialBlocks, added in order.
inline constexpr int64_t kPartialRows = 64;
inline constexpr int64_t kMostPartialBlocks = 128;
inline int64_t PartialBlockRows(int64_t rows) { return std::max(kPartialRows, CeilDiv(rows, kMostPartialBlocks)); }
// Never falls with rows; at least CeilDiv(rows, PartialBlockRows(rows)).
inline int64_t MostPartialBlocks(int64_t rows) { return std::min(kMostPartialBlocks, CeilDiv(rows, kPartialRows)); }

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_PARALLEL_H_
