#include "core/cuda/experts/sm90/grouped.cuh"
#include "core/cuda/experts/sm90/products.h"

namespace hlm::cuda::sm90 {
namespace {

namespace fusion = cutlass::epilogue::fusion;
// A bias by expert, or none: then zeros are added.
using Bias = fusion::Sm90RowBroadcast<0, Cooperative::Tile, Bf16*, float, cute::Stride<cute::_0, cute::_1, cute::_0>>;
using AddBias = fusion::Sm90EVT<fusion::Sm90Compute<cutlass::plus, Bf16, float, cutlass::FloatRoundStyle::round_to_nearest>, Bias,
                                fusion::Sm90AccFetch>;
using Product = Grouped<Cooperative, Pair, ByRow, ByColumn, void, Bf16, AddBias>;

}  // namespace

void Forward(cudaStream_t stream, const GroupedLinearArgs& a, void* scratch) {
  constexpr int64_t kSize = sizeof(Bf16);
  Form form;
  form.range = a.range;
  form.n = a.out, form.k = a.in;
  form.a = {a.x, a.in * kSize, 0, a.in};
  form.b = {a.w, 0, a.w_stride * kSize, a.in};
  form.bias = {a.bias, 0, a.bias_stride * kSize, 0};
  form.d = {a.y, a.out * kSize, 0, a.out};
  const Lists lists = FillLists(stream, form, scratch);
  Product::Run(stream, "GroupedLinear", a.range.count, lists, [&](auto& thread) {
    thread.op_0.ptr_row = a.bias == nullptr ? nullptr : reinterpret_cast<const Bf16* const*>(lists.bias);
  });
}

}  // namespace hlm::cuda::sm90
