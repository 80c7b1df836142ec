#include "core/cpu/kernels_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/kernels_attention.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "core/cpu/simd-inl.h"
#include "hwy/contrib/math/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace hlm {
namespace HWY_NAMESPACE {

using FloatMask = hn::Mask<FloatTag>;

// The columns [begin, end) of a row that its query sees.
struct Seen {
  int64_t begin, end;
};
HWY_INLINE Seen SeenBy(const ScoreTile& tile, int64_t row) {
  const int64_t query = tile.first_query + row;
  const int64_t end = std::clamp<int64_t>(query + 1 - tile.first_key, 0, tile.keys);
  int64_t first = tile.window > 0 ? query - tile.window + 1 : 0;
  if (tile.chunk > 0) first = std::max(first, query / tile.chunk * tile.chunk);
  return {std::clamp<int64_t>(first - tile.first_key, 0, end), end};
}

HWY_INLINE FloatMask SeenLanes(const Seen& seen, int64_t at) {
  const FloatMask before_end = hn::FirstN(kFloats, static_cast<size_t>(seen.end - at));
  if (seen.begin <= at) return before_end;
  return hn::AndNot(hn::FirstN(kFloats, static_cast<size_t>(seen.begin - at)), before_end);
}

// body(i, n) with n = Lanes() for vectors that are seen whole, 0 for those seen in part; i steps from a whole vector's border.
template <class Body>
HWY_INLINE void ForSeen(const Seen& seen, const Body& body) {
  for (int64_t i = seen.begin / Lanes() * Lanes(); i < seen.end; i += Lanes()) {
    if (i >= seen.begin && i + Lanes() <= seen.end) {
      body(i, Lanes());
    } else {
      body(i, 0);
    }
  }
}

// Zero in the columns before the first and behind the last vector that ForSeen visits.
HWY_INLINE void ClearUnseen(const Seen& seen, int64_t keys, float* row) {
  const int64_t first = seen.begin / Lanes() * Lanes();
  const int64_t last = seen.end > seen.begin ? (seen.end + Lanes() - 1) / Lanes() * Lanes() : first;
  if (first > 0) std::memset(row, 0, static_cast<size_t>(first) * sizeof(float));
  if (keys > last) std::memset(row + last, 0, static_cast<size_t>(keys - last) * sizeof(float));
}

void SoftmaxRows(const ScoreTile& tile, float* most, float* sum, float* output, int64_t dim) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  for (int64_t r = 0; r < tile.rows; ++r) {
    float* row = tile.scores + r * tile.stride;
    const Seen seen = SeenBy(tile, r);
    ClearUnseen(seen, tile.keys, row);
    if (seen.begin == seen.end) continue;

    Floats highest = Set(kLowest);
    ForSeen(
        seen, HLM_LANES {
          const Floats s = Load(row + i);
          highest = hn::Max(highest, n > 0 ? s : hn::IfThenElse(SeenLanes(seen, i), s, Set(kLowest)));
        });
    const float before = most[r];
    const float after = std::max(before, tile.scale * hn::GetLane(hn::MaxOfLanes(kFloats, highest)));
    const float shrink = std::exp(before - after);  // 0 for a row that saw nothing before

    const Floats scale = Set(tile.scale), down = Set(after);
    Floats total = Zero(), poison = Zero();  // Highway's Exp makes 0 of a NaN: 0 * score brings it back
    ForSeen(
        seen, HLM_LANES {
          Floats s = Load(row + i);
          Floats p;
          if (n > 0) {
            p = hn::Exp(kFloats, hn::MulSub(s, scale, down));
          } else {
            const FloatMask mask = SeenLanes(seen, i);
            s = hn::IfThenElseZero(mask, s);
            p = hn::IfThenElseZero(mask, hn::Exp(kFloats, hn::MulSub(s, scale, down)));
          }
          total = hn::Add(total, p);
          poison = hn::MulAdd(s, Zero(), poison);
          Store(p, row + i);
        });
    sum[r] = (before == kLowest ? 0.0f : sum[r] * shrink) + Sum(total) + Sum(poison);
    most[r] = after;
    if (before != kLowest && shrink != 1.0f) {
      float* out = output + r * dim;
      const Floats factor = Set(shrink);
      ForLanes(
          dim, HLM_LANES { Store(hn::Mul(Load(out + i, n), factor), out + i, n); });
    }
  }
}

template <class T>
void FinishRowsOf(const float* output, const float* most, const float* sum, int64_t rows, int64_t dim, T* out, int64_t out_stride,
                  float* lse, int64_t lse_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    const Floats factor = Set(1.0f / sum[r]);
    const float* from = output + r * dim;
    T* to = out + r * out_stride;
    ForLanes(
        dim, HLM_LANES { Store(hn::Mul(Load(from + i, n), factor), to + i, n); });
    lse[r * lse_stride] = most[r] + std::log(sum[r]);
  }
}
void FinishRows(const float* output, const float* most, const float* sum, int64_t rows, int64_t dim, DType type, void* out,
                int64_t out_stride, float* lse, int64_t lse_stride) {
  type == DType::kF32 ? FinishRowsOf(output, most, sum, rows, dim, static_cast<float*>(out), out_stride, lse, lse_stride)
                      : FinishRowsOf(output, most, sum, rows, dim, static_cast<bf16_t*>(out), out_stride, lse, lse_stride);
}

void Dots(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t rows, int64_t cols, float* delta) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* x = a + r * a_stride;
    const float* y = b + r * b_stride;
    Floats sum = Zero();
    ForLanes(
        cols, HLM_LANES { sum = hn::MulAdd(Load(x + i, n), Load(y + i, n), sum); });
    delta[r] = Sum(sum);
  }
}

void SoftmaxBackwardRows(const ScoreTile& tile, float* gradients, const float* lse, int64_t lse_stride, const float* delta) {
  const Floats scale = Set(tile.scale);
  for (int64_t r = 0; r < tile.rows; ++r) {
    float* row = tile.scores + r * tile.stride;
    float* gradient = gradients + r * tile.stride;
    const Seen seen = SeenBy(tile, r);
    ClearUnseen(seen, tile.keys, row);
    ClearUnseen(seen, tile.keys, gradient);
    const Floats down = Set(lse[r * lse_stride]), middle = Set(delta[r]);
    ForSeen(
        seen, HLM_LANES {
          Floats p = hn::Exp(kFloats, hn::MulSub(Load(row + i), scale, down));
          Floats ds = hn::Mul(hn::Mul(p, scale), hn::Sub(Load(gradient + i), middle));
          if (n == 0) {
            const FloatMask mask = SeenLanes(seen, i);
            p = hn::IfThenElseZero(mask, p);
            ds = hn::IfThenElseZero(mask, ds);
          }
          Store(p, row + i);
          Store(ds, gradient + i);
        });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm {

HWY_EXPORT(SoftmaxRows);
HWY_EXPORT(FinishRows);
HWY_EXPORT(Dots);
HWY_EXPORT(SoftmaxBackwardRows);

void BendScores(const ScoreBend& bend, ScoreTile* tile, float* slopes) {
  for (int64_t r = 0; r < tile->rows; ++r) {
    float* row = tile->scores + r * tile->stride;
    const auto first = static_cast<float>(tile->first_key - tile->first_query - r);
    for (int64_t c = 0; c < tile->keys; ++c) {
      float score = row[c] * tile->scale, slope = tile->scale;
      if (bend.soft_cap > 0) {
        const float t = std::tanh(score / bend.soft_cap);
        score = bend.soft_cap * t;
        slope *= 1 - t * t;
      }
      row[c] = score + bend.slope * (first + static_cast<float>(c));
      if (slopes != nullptr) slopes[r * tile->stride + c] = slope;
    }
  }
  tile->scale = 1;
}

void SoftmaxTile(const ScoreTile& tile, float* most, float* sum, float* output, int64_t dim) {
  HWY_DYNAMIC_DISPATCH(SoftmaxRows)(tile, most, sum, output, dim);
}

void FinishSoftmax(const float* output, const float* most, const float* sum, int64_t rows, int64_t dim, DType type, void* out,
                   int64_t out_stride, float* lse, int64_t lse_stride) {
  HWY_DYNAMIC_DISPATCH(FinishRows)(output, most, sum, rows, dim, type, out, out_stride, lse, lse_stride);
}

void RowDots(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t rows, int64_t cols, float* delta) {
  HWY_DYNAMIC_DISPATCH(Dots)(a, a_stride, b, b_stride, rows, cols, delta);
}

void SoftmaxBackwardTile(const ScoreTile& tile, float* gradients, const float* lse, int64_t lse_stride, const float* delta) {
  HWY_DYNAMIC_DISPATCH(SoftmaxBackwardRows)(tile, gradients, lse, lse_stride, delta);
}

}  // namespace hlm
#endif  // HWY_ONCE
