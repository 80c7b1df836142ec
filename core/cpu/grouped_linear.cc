// Products by expert: a linear layer's for each run of rows, on the whole team.
#include <algorithm>

#include "core/cpu/linear.h"

namespace hlm {
namespace {

template <class Byte>
Byte* Skip(Byte* data, int64_t elements, DType type) {
  return data == nullptr ? nullptr : data + elements * static_cast<int64_t>(SizeOf(type));
}
const std::byte* At(const void* data, int64_t elements, DType type) {
  return Skip(static_cast<const std::byte*>(data), elements, type);
}
std::byte* At(void* data, int64_t elements, DType type) { return Skip(static_cast<std::byte*>(data), elements, type); }

// work(i, first row, rows) for matrix i of the range.
template <class Work>
void EachExpert(const ExpertRange& range, const Work& work) {
  for (int64_t i = 0; i < range.count; ++i) {
    const int32_t* at = range.offsets + range.first + i;
    work(i, at[0], at[1] - at[0]);
  }
}

}  // namespace

void RunGroupedLinear(const GroupedLinearArgs& a, float* scratch) {
  EachExpert(a.range, [&](int64_t i, int64_t row, int64_t rows) {
    if (rows == 0) return;
    RunLinear({.type = a.type,
               .y_type = a.type,
               .tokens = rows,
               .in = a.in,
               .out = a.out,
               .x = At(a.x, row * a.in, a.type),
               .w = At(a.w, i * a.w_stride, a.type),
               .bias = At(a.bias, i * a.bias_stride, a.type),
               .y = At(a.y, row * a.out, a.type)},
              scratch);
  });
}

void RunGroupedLinearBackwardInput(const GroupedLinearBackwardInputArgs& a, float* scratch) {
  EachExpert(a.range, [&](int64_t i, int64_t row, int64_t rows) {
    if (rows == 0) return;
    RunLinearBackwardInput({.type = a.type,
                            .tokens = rows,
                            .in = a.in,
                            .out = a.out,
                            .dy = At(a.dy, row * a.out, a.type),
                            .w = At(a.w, i * a.w_stride, a.type),
                            .dx = At(a.dx, row * a.in, a.type)},
                           scratch);
  });
}

void RunGroupedLinearBackwardWeight(const GroupedLinearBackwardWeightArgs& a, float* scratch) {
  EachExpert(a.range, [&](int64_t i, int64_t row, int64_t rows) {
    float *dw = a.dw + i * a.dw_stride, *dbias = a.dbias == nullptr ? nullptr : a.dbias + i * a.dbias_stride;
    if (rows == 0) {
      if (a.accumulate) return;
      std::fill_n(dw, a.out * a.in, 0.0f);
      if (dbias != nullptr) std::fill_n(dbias, a.out, 0.0f);
      return;
    }
    RunLinearBackwardWeight({.type = a.type,
                             .tokens = rows,
                             .in = a.in,
                             .out = a.out,
                             .dy = At(a.dy, row * a.out, a.type),
                             .x = At(a.x, row * a.in, a.type),
                             .dw = dw,
                             .dbias = dbias,
                             .accumulate = a.accumulate},
                            scratch);
  });
}

}  // namespace hlm
