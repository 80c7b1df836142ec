#include "core/cuda/experts/sm90/grouped.cuh"
#include "core/cuda/experts/sm90/products.h"

namespace hlm::cuda::sm90 {
namespace {

using Product =
    Grouped<Cooperative, Pair, ByRow, ByRow, void, Bf16, cutlass::epilogue::fusion::LinearCombination<Bf16, float, void>>;

}  // namespace

void BackwardInput(cudaStream_t stream, const GroupedLinearBackwardInputArgs& a, void* scratch) {
  constexpr int64_t kSize = sizeof(Bf16);
  Form form;
  form.range = a.range;
  form.n = a.in, form.k = a.out;
  form.a = {a.dy, a.out * kSize, 0, a.out};
  form.b = {a.w, 0, a.w_stride * kSize, a.in};
  form.d = {a.dx, a.in * kSize, 0, a.in};
  Product::Run(stream, "GroupedLinearBackwardInput", a.range.count, FillLists(stream, form, scratch), [](auto& thread) {
    thread.alpha = 1;
    thread.beta = 0;
  });
}

}  // namespace hlm::cuda::sm90
