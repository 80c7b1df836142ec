// The rotary embedding on views, and the sum over heads that belongs to a vector which all of them share.
#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

template <class T>
void RotateLine(const RotaryArgs& a, const T* x, const float* cosines, float scale, T* y) {
  const int64_t half = a.rotary_dim / 2;
  const float* sines = cosines + half;
  for (int64_t i = 0; i < half; ++i) {
    const int64_t first = a.interleaved ? 2 * i : i, second = a.interleaved ? 2 * i + 1 : half + i;
    const float p = ToFloat(x[first]), q = ToFloat(x[second]), c = cosines[i], s = a.back ? -sines[i] : sines[i];
    y[first] = FromFloat<T>((p * c - q * s) * scale);
    y[second] = FromFloat<T>((q * c + p * s) * scale);
  }
  for (int64_t i = a.rotary_dim; i < a.head_dim; ++i) y[i] = FromFloat<T>(ToFloat(x[i]) * scale);
}

}  // namespace

void RotaryKernel(const RotaryArgs& a) {
  ForType(a.type, [&]<class T>() {
    const ReadLines<T> x(a.x, a.heads, a.head_dim);
    const WrittenLines<T> y(a.y, a.heads, a.head_dim);
    ParallelBlocks(a.tokens, RowsPerBlock(a.heads * a.head_dim), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t position = a.positions[t];
        const float scale = a.scales == nullptr ? 1.0f : a.scales[position];
        for (int64_t h = 0; h < a.heads; ++h) RotateLine(a, x.at(t, h), a.table + position * a.rotary_dim, scale, y.at(t, h));
      }
    });
  });
}

void SumHeadsKernel(const SumHeadsArgs& a) {
  ForType(a.type, [&]<class T>() {
    const ReadLines<T> x(a.x, a.heads, a.width);
    const WrittenLines<T> y(a.y, 1, a.width);
    ParallelBlocks(a.tokens, RowsPerBlock(a.heads * a.width), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t i = 0; i < a.width; ++i) {
          float sum = 0;
          for (int64_t h = 0; h < a.heads; ++h) sum += ToFloat(x.at(t, h)[i]);
          y.at(t, 0)[i] = FromFloat<T>(sum);
        }
      }
    });
  });
}

}  // namespace hlm
