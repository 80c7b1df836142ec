#include "core/layers/grouped_linear.h"

#include <cstddef>

namespace hlm {

int64_t GroupedLinearPart::RunLength(const BlockRun& r, int64_t first, int64_t end) const {
  const auto follows = [&](int64_t offset, int64_t expert) {
    if (offset < 0) return true;
    const auto* begin = static_cast<const std::byte*>(Of(r, offset, first));
    return Of(r, offset, expert) == begin + (expert - first) * stride * static_cast<int64_t>(SizeOf(r.type));
  };
  int64_t next = first + 1;
  while (next < end && follows(weight, next) && follows(bias, next)) ++next;
  return next - first;
}

bool GroupedLinearPart::Trains(const BlockRun& r, const ExpertRange& range) const {
  for (int64_t e = range.first; e < range.first + range.count; ++e) {
    if (r.Trains(weight + e * stride, in * out) || r.Trains(bias < 0 ? -1 : bias + e * stride, out)) return true;
  }
  return false;
}

void GroupedLinearPart::Forward(const BlockRun& r, int64_t rows, const ExpertRange& range, const void* x, void* y) const {
  EachRun(r, range, [&](const ExpertRange& experts) {
    r.ops.GroupedLinear(r.stream, {.type = r.type,
                                   .rows = rows,
                                   .in = in,
                                   .out = out,
                                   .range = experts,
                                   .x = x,
                                   .w = Of(r, weight, experts.first),
                                   .w_stride = stride,
                                   .bias = Bias(r, experts.first),
                                   .bias_stride = stride,
                                   .y = y});
  });
}

void GroupedLinearPart::Backward(const BlockRun& r, int64_t rows, const ExpertRange& range, const void* dy, const void* x,
                                 void* dx) const {
  if (Trains(r, range)) {
    r.ops.GroupedLinearBackwardWeight(r.stream, {.type = r.type,
                                                 .rows = rows,
                                                 .in = in,
                                                 .out = out,
                                                 .range = range,
                                                 .dy = dy,
                                                 .x = x,
                                                 .dw = r.Gradient(weight + range.first * stride),
                                                 .dw_stride = stride,
                                                 .dbias = bias < 0 ? nullptr : r.Gradient(bias + range.first * stride),
                                                 .dbias_stride = stride,
                                                 .accumulate = r.accumulate});
  }
  EachRun(r, range, [&](const ExpertRange& experts) {
    r.ops.GroupedLinearBackwardInput(r.stream, {.type = r.type,
                                                .rows = rows,
                                                .in = in,
                                                .out = out,
                                                .range = experts,
                                                .dy = dy,
                                                .w = Of(r, weight, experts.first),
                                                .w_stride = stride,
                                                .dx = dx});
  });
}

}  // namespace hlm
