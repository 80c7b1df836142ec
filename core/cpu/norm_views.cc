// Norms by heads, forward and backward, a line (one head of one row) at a time: plain loops, sums in double.
#include <cmath>
#include <vector>

#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

// What one line has of the weights.
template <class T>
struct LineWeights {
  const T* w;
  const T* bias;
  float plus;  // 1 where the weight is 1 + w
  LineWeights(const NormArgs& a, int64_t head) : LineWeights(a.w, a.bias, a.kind, a.by_head ? head * a.width : 0) {}
  LineWeights(const void* weight, const void* offset, const NormKind& kind, int64_t at)
      : w(weight == nullptr ? nullptr : static_cast<const T*>(weight) + at),
        bias(offset == nullptr ? nullptr : static_cast<const T*>(offset) + at),
        plus(kind.one_plus ? 1.0f : 0.0f) {}
  float weight(int64_t i) const { return w == nullptr ? 1.0f : plus + ToFloat(w[i]); }
  float offset(int64_t i) const { return bias == nullptr ? 0.0f : ToFloat(bias[i]); }
};

template <class T>
void NormLine(const NormArgs& a, const T* x, const LineWeights<T>& weights, T* y, float* mean, float* rstd) {
  const auto width = static_cast<double>(a.width);
  double sum = 0, squares = 0;
  if (a.kind.center) {
    for (int64_t i = 0; i < a.width; ++i) sum += static_cast<double>(ToFloat(x[i]));
  }
  const auto middle = static_cast<float>(sum / width);
  for (int64_t i = 0; i < a.width; ++i) {
    const double d = static_cast<double>(ToFloat(x[i]) - middle);
    squares += d * d;
  }
  const auto scale = static_cast<float>(1.0 / std::sqrt(squares / width + static_cast<double>(a.epsilon)));
  for (int64_t i = 0; i < a.width; ++i) {
    float normed = (ToFloat(x[i]) - middle) * scale;
    if (a.kind.round_first) normed = Rounded<T>(normed);
    y[i] = FromFloat<T>(normed * weights.weight(i) + weights.offset(i));
  }
  if (mean != nullptr) *mean = middle;
  *rstd = scale;
}

// Adds to dw and dbias where they are not null.
template <class T>
void NormBackwardLine(const NormBackwardArgs& a, const T* x, const T* dy, const T* residual, const LineWeights<T>& weights,
                      float mean, float rstd, T* dx, float* dw, float* dbias) {
  double gradients = 0, products = 0;
  for (int64_t i = 0; i < a.width; ++i) {
    const float normed = (ToFloat(x[i]) - mean) * rstd, d = ToFloat(dy[i]), g = d * weights.weight(i);
    gradients += static_cast<double>(g);
    products += static_cast<double>(g) * static_cast<double>(normed);
    if (dw != nullptr) dw[i] += d * normed;
    if (dbias != nullptr) dbias[i] += d;
  }
  const auto width = static_cast<double>(a.width);
  const float level = a.kind.center ? static_cast<float>(gradients / width) : 0.0f, slope = static_cast<float>(products / width);
  for (int64_t i = 0; i < a.width; ++i) {
    const float normed = (ToFloat(x[i]) - mean) * rstd;
    const float d = rstd * (ToFloat(dy[i]) * weights.weight(i) - level - slope * normed);
    dx[i] = FromFloat<T>(residual == nullptr ? d : d + ToFloat(residual[i]));
  }
}

int64_t SumsWidth(const NormBackwardArgs& a) { return a.by_head ? a.heads * a.width : a.width; }

template <class T>
void Forward(const NormArgs& a) {
  const ReadLines<T> x(a.x, a.heads, a.width);
  const WrittenLines<T> y(a.y, a.heads, a.width);
  ParallelBlocks(a.rows, RowsPerBlock(a.heads * a.width), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t h = 0; h < a.heads; ++h) {
        const int64_t line = r * a.heads + h;
        NormLine(a, x.at(r, h), LineWeights<T>(a, h), y.at(r, h), a.mean == nullptr ? nullptr : a.mean + line, a.rstd + line);
      }
    }
  });
}

template <class T>
void Backward(const NormBackwardArgs& a, float* partials) {
  const ReadLines<T> x(a.x, a.heads, a.width), dy(a.dy, a.heads, a.width), residual(a.residual, a.heads, a.width);
  const WrittenLines<T> dx(a.dx, a.heads, a.width);
  const int64_t block = PartialBlockRows(a.rows), blocks = CeilDiv(a.rows, block), width = SumsWidth(a);
  const bool sums = a.dw != nullptr || a.dbias != nullptr;
  ParallelBlocks(a.rows, block, [&](int64_t begin, int64_t end) {
    float* part = sums ? partials + begin / block * 2 * width : nullptr;
    if (sums) std::fill_n(part, 2 * width, 0.0f);
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t h = 0; h < a.heads; ++h) {
        const int64_t line = r * a.heads + h, at = a.by_head ? h * a.width : 0;
        NormBackwardLine(a, x.at(r, h), dy.at(r, h), residual ? residual.at(r, h) : nullptr,
                         LineWeights<T>(a.w, nullptr, a.kind, at), a.kind.center ? a.mean[line] : 0.0f, a.rstd[line], dx.at(r, h),
                         a.dw == nullptr ? nullptr : part + at, a.dbias == nullptr ? nullptr : part + width + at);
      }
    }
  });
  const auto add = [&](int64_t offset, float* to) {
    if (to == nullptr) return;
    for (int64_t i = 0; i < width; ++i) {
      float sum = 0;
      for (int64_t b = 0; b < blocks; ++b) sum += partials[b * 2 * width + offset + i];
      to[i] = a.accumulate ? to[i] + sum : sum;
    }
  };
  add(0, a.dw);
  add(width, a.dbias);
}

}  // namespace

void NormKernel(const NormArgs& a) {
  if (IsRmsNorm(a)) return RmsNormKernel(AsRmsNorm(a));
  ForType(a.type, [&]<class T>() { Forward<T>(a); });
}

size_t NormBackwardFloats(const NormBackwardArgs& a) {
  const auto general = static_cast<size_t>(MostPartialBlocks(a.rows) * 2 * SumsWidth(a));
  return std::max(general, RmsNormBackwardFloats(a.rows, a.width));
}

void NormBackwardKernel(const NormBackwardArgs& a, float* partials) {
  if (IsRmsNorm(a)) return RmsNormBackwardKernel(AsRmsNorm(a), partials);
  ForType(a.type, [&]<class T>() { Backward<T>(a, partials); });
}

}  // namespace hlm
