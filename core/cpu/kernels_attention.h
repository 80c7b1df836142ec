// The parts of attention between its products, on one thread: softmax over a tile of scores, and its backward.
#ifndef HORIZON_LM_CORE_CPU_KERNELS_ATTENTION_H_
#define HORIZON_LM_CORE_CPU_KERNELS_ATTENTION_H_

#include <cstddef>
#include <cstdint>

#include "core/base/dtype.h"

namespace hlm {

// Rows of tiles are padded to this many floats, so that the kernels may work on whole vectors (64 bytes).
inline constexpr int64_t kTilePad = 16;

// A tile of scores [rows, keys], rows `stride` apart; row r is query first_query + r, column c is key first_key + c of one
// document.
struct ScoreTile {
  float* scores = nullptr;
  int64_t stride = 0;  // a multiple of kTilePad
  int64_t rows = 0, keys = 0, first_query = 0, first_key = 0;
  int64_t window = 0, chunk = 0;  // 0: none
  float scale = 1;                // of the scores
};

// What stands between a product and the softmax beside a scale: with it the tile's scores become those of the softmax, and its
// scale 1. slopes (tile.rows rows of tile.stride, or null) get what a score's gradient is multiplied with on its way back.
struct ScoreBend {
  float soft_cap = 0;  // 0: none
  float slope = 0;     // ALiBi's, of this head
  bool any() const { return soft_cap > 0 || slope != 0; }
};
void BendScores(const ScoreBend& bend, ScoreTile* tile, float* slopes);

// Online softmax (Milakov and Gimelshein 2018, algorithm 3): turns scores into exp(scale * score - most), 0 where a query does
// not see a key, and brings most, sum [rows] and the accumulated output [rows, dim] up to date. A row that saw nothing before has
// most = -infinity; its output is then not read. A score that is not finite makes sum NaN.
void SoftmaxTile(const ScoreTile& tile, float* most, float* sum, float* output, int64_t dim);

// output / sum, rounded to `type`, to out [rows, out_stride]; lse[r * lse_stride] = most + log(sum).
void FinishSoftmax(const float* output, const float* most, const float* sum, int64_t rows, int64_t dim, DType type, void* out,
                   int64_t out_stride, float* lse, int64_t lse_stride);

// delta[r] = sum over columns of a[r] b[r].
void RowDots(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t rows, int64_t cols, float* delta);

// scores becomes p = exp(scale * score - lse), gradients (of p, same layout) becomes scale * p * (gradient - delta); both 0 where
// a query does not see a key.
void SoftmaxBackwardTile(const ScoreTile& tile, float* gradients, const float* lse, int64_t lse_stride, const float* delta);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_KERNELS_ATTENTION_H_
