// Cutting an array of n elements into tiles for the pool, and the checks that all functions on arrays share.
#ifndef HORIZON_LM_CPU_OPTIM_TILES_H_
#define HORIZON_LM_CPU_OPTIM_TILES_H_

#include <algorithm>
#include <cstdint>

#include "core/base/checked.h"
#include "core/base/dtype.h"
#include "core/base/error.h"
#include "cpu_optim/host_pool.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

// Of the passes that do little arithmetic: large enough that handing an item out costs nothing beside it, small enough to
// share out a matrix of a small model. A multiple of kGradientChunk, so that a chunk belongs to one thread.
inline constexpr int64_t kPassTile = 65536;
static_assert(kPassTile % kGradientChunk == 0);

// Calls work(begin, count) for consecutive tiles of [0, n) on the pool.
template <class Work>
void ForEachTile(HostPool& pool, int64_t n, int64_t tile, const Work& work) {
  pool.ParallelFor(CeilDiv(n, tile), [&](int64_t item) {
    const int64_t begin = item * tile;
    work(begin, std::min(tile, n - begin));
  });
}

inline void CheckCount(int64_t n) {
  if (n < 0 || n > INT64_MAX / 8) throw InvalidArgument("array of ", n, " elements: not in [0, 2^60)");
}
inline void CheckArray(int64_t n, const void* array, const char* what) {
  if (n > 0 && array == nullptr) throw InvalidArgument(what, " is NULL for ", n, " elements");
}
inline void CheckF32OrBf16(DType type, const char* what) {
  if (type != DType::kF32 && type != DType::kBF16) {
    throw InvalidArgument(what, " type is ", Name(type), "; f32 and bf16 are possible");
  }
}

// Of an update (adamw.cc).
void CheckOptions(const OptimizerOptions& options);
void CheckStep(const UpdateStep& step);

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_TILES_H_
