// Products by expert with tiles of our own: a list of the tiles of rows, and one kernel for the three products.
#ifndef HORIZON_LM_CORE_CUDA_EXPERTS_TILES_CUH_
#define HORIZON_LM_CORE_CUDA_EXPERTS_TILES_CUH_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/device/args/experts.h"

namespace hlm::cuda {

inline constexpr int kTileRows = 64;

// A tile of rows of one expert; `rows` is 0 for those behind the last one.
struct RowTile {
  int expert;  // of the range
  int first, rows;
};
// As many as any fall of the rows may need.
int64_t CountTiles(int64_t rows, int64_t experts);
// Writes CountTiles entries.
void ListTiles(cudaStream_t stream, const ExpertRange& range, int64_t rows, RowTile* tiles);

// dw of each expert of the range that has no rows: zeros.
void ClearUnrouted(cudaStream_t stream, const GroupedLinearBackwardWeightArgs& args);

// dbias of each expert of the range: sums over its rows of dy, or zeros.
void GroupedColumnSums(cudaStream_t stream, const GroupedLinearBackwardWeightArgs& args);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_EXPERTS_TILES_CUH_
