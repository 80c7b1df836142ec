// Rows on their way to experts and back.
#include <algorithm>
#include <vector>

#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"
#include "core/cpu/views.h"

namespace hlm {

void SortChoicesKernel(const SortChoicesArgs& a) {
  const int64_t pairs = a.tokens * a.chosen;
  std::fill_n(a.offsets, a.experts + 1, 0);
  for (int64_t i = 0; i < pairs; ++i) ++a.offsets[a.choice[i] + 1];
  for (int64_t e = 0; e < a.experts; ++e) a.offsets[e + 1] += a.offsets[e];
  std::vector<int32_t> next(a.offsets, a.offsets + a.experts);
  for (int64_t i = 0; i < pairs; ++i) {
    const int32_t row = next[static_cast<size_t>(a.choice[i])]++;
    a.rows[i] = row;
    a.sources[row] = static_cast<int32_t>(i);
  }
}

void GatherRowsKernel(const GatherRowsArgs& a) {
  ForType(a.type, [&]<class T>() {
    ParallelRows(a.range, a.tokens * a.chosen, RowsPerBlock(a.width), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t pair = a.sources[r];
        const T* x = static_cast<const T*>(a.x) + pair / a.chosen * a.width;
        T* y = static_cast<T*>(a.y) + r * a.width;
        if (a.weights == nullptr) {
          std::copy_n(x, a.width, y);
          continue;
        }
        const float weight = a.weights[pair];
        for (int64_t i = 0; i < a.width; ++i) y[i] = FromFloat<T>(weight * ToFloat(x[i]));
      }
    });
  });
}

void CombineRowsKernel(const CombineRowsArgs& a) {
  ForType(a.type, [&]<class T>() {
    ParallelBlocks(a.tokens, RowsPerBlock(a.chosen * a.width), [&](int64_t begin, int64_t end) {
      std::vector<float> sums(static_cast<size_t>(a.width));
      for (int64_t t = begin; t < end; ++t) {
        std::fill(sums.begin(), sums.end(), 0.0f);
        for (int64_t j = 0; j < a.chosen; ++j) {
          const T* x = static_cast<const T*>(a.x) + a.rows[t * a.chosen + j] * a.width;
          const float weight = a.weights == nullptr ? 1 : a.weights[t * a.chosen + j];
          for (int64_t i = 0; i < a.width; ++i) sums[static_cast<size_t>(i)] += weight * ToFloat(x[i]);
        }
        const T* addend = a.addend == nullptr ? nullptr : static_cast<const T*>(a.addend) + t * a.width;
        T* y = static_cast<T*>(a.y) + t * a.width;
        for (int64_t i = 0; i < a.width; ++i) {
          const float sum = sums[static_cast<size_t>(i)];
          y[i] = FromFloat<T>(addend == nullptr ? sum : sum + ToFloat(addend[i]));
        }
      }
    });
  });
}

void RowDotsKernel(const RowDotsArgs& a) {
  ForType(a.type, [&]<class T>() {
    const auto other = [&](int64_t t, int64_t pair, int64_t row) -> const T* {
      const auto* b = static_cast<const T*>(a.b);
      if (a.with == DotWith::kRow) return b + row * a.width;
      if (a.with == DotWith::kToken) return b + t * a.width;
      return b + (a.choice[pair] - a.first) * a.stride;
    };
    const auto outside = [&](int64_t pair) {
      return a.count != 0 && (a.choice[pair] < a.first || a.choice[pair] >= a.first + a.count);
    };
    ParallelBlocks(a.tokens, RowsPerBlock(a.chosen * a.width), [&](int64_t begin, int64_t end) {
      for (int64_t pair = begin * a.chosen; pair < end * a.chosen; ++pair) {
        if (outside(pair)) continue;
        const int64_t row = a.rows[pair];
        const T *x = static_cast<const T*>(a.a) + row * a.width, *b = other(pair / a.chosen, pair, row);
        const float divisor = a.divisors == nullptr ? 1 : a.divisors[pair];
        // Eight sums that take turns: one order whatever the vectors of the processor.
        float sums[8] = {};
        for (int64_t i = 0; i < a.width; ++i) sums[i % 8] += ToFloat(x[i]) * ToFloat(b[i]);
        const float dot = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
        const float value = divisor == 0 ? 0 : dot / divisor;
        a.y[pair] = a.accumulate ? a.y[pair] + value : value;
      }
    });
  });
}

}  // namespace hlm
