#include "core/cuda/experts/sm90/grouped.cuh"
#include "core/cuda/experts/sm90/products.h"

namespace hlm::cuda::sm90 {
namespace {

// The sums that are read and written are as much work for memory as their terms are for the tensor cores, so the tiles are small
// enough to take turns; and tiles as small as these ask more of the second cache than it gives unless blocks share both operands.
using Product =
    Grouped<Pingpong, Square, ByColumn, ByRow, float, float, cutlass::epilogue::fusion::LinearCombination<float, float, float>>;

}  // namespace

void BackwardWeight(cudaStream_t stream, const GroupedLinearBackwardWeightArgs& a, void* scratch) {
  constexpr int64_t kSize = sizeof(Bf16);
  Form form;
  form.range = a.range;
  form.m = a.out, form.n = a.in;
  form.a = {a.dy, a.out * kSize, 0, a.out};
  form.b = {a.x, a.in * kSize, 0, a.in};
  form.d = {a.dw, 0, a.dw_stride * static_cast<int64_t>(sizeof(float)), a.in};
  Product::Run(stream, "GroupedLinearBackwardWeight", a.range.count, FillLists(stream, form, scratch), [&](auto& thread) {
    thread.alpha = 1;
    thread.beta = a.accumulate ? 1.0f : 0.0f;
  });
}

}  // namespace hlm::cuda::sm90
