// The lists that CUTLASS's grouped kernels read, and when a call may go to them.
#include <initializer_list>

#include "core/base/dtype.h"
#include "core/cuda/check.h"
#include "core/cuda/experts/sm90/lists.h"
#include "core/cuda/experts/sm90/products.h"
#include "core/cuda/vec.cuh"
#include "core/cuda/views/pieces.cuh"

namespace hlm::cuda::sm90 {
namespace {

constexpr int kThreads = 256;

Lists Cut(int64_t experts, void* scratch, size_t* bytes) {
  Pieces pieces(scratch);
  Lists lists;
  lists.shapes = pieces.Take<int>(3 * experts);
  lists.a = pieces.Take<const void*>(experts);
  lists.b = pieces.Take<const void*>(experts);
  lists.bias = pieces.Take<const void*>(experts);
  lists.d = pieces.Take<void*>(experts);
  lists.a_strides = pieces.Take<int64_t>(experts);
  lists.b_strides = pieces.Take<int64_t>(experts);
  lists.d_strides = pieces.Take<int64_t>(experts);
  lists.rest = pieces.Take<std::byte>(static_cast<int64_t>(kRestBytes));
  *bytes = pieces.taken();
  return lists;
}

__device__ const char* At(const Place& place, int64_t first, int64_t expert) {
  return static_cast<const char*>(place.data) + first * place.by_row + expert * place.by_expert;
}

__global__ void __launch_bounds__(kThreads) FillListsKernel(Form form, Lists lists) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= form.range.count) return;
  const int32_t* offsets = form.range.offsets + form.range.first + i;
  const int first = offsets[0], rows = offsets[1] - first;
  int* shape = lists.shapes + 3 * i;
  shape[0] = rows == 0 || form.m == 0 ? rows : static_cast<int>(form.m);
  shape[1] = form.n == 0 ? rows : static_cast<int>(form.n);
  shape[2] = form.k == 0 ? rows : static_cast<int>(form.k);
  lists.a[i] = At(form.a, first, i);
  lists.b[i] = At(form.b, first, i);
  lists.bias[i] = form.bias.data == nullptr ? nullptr : At(form.bias, first, i);
  lists.d[i] = const_cast<char*>(At(form.d, first, i));
  lists.a_strides[i] = form.a.stride;
  lists.b_strides[i] = form.b.stride;
  lists.d_strides[i] = form.d.stride;
}

bool IsHopper() {
  int device = 0, major = 0, minor = 0;
  Check(cudaGetDevice(&device), "cudaGetDevice");
  Check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "cudaDeviceGetAttribute");
  Check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "cudaDeviceGetAttribute");
  return major == 9 && minor == 0;
}

// Lines and matrices are moved in boxes that begin at multiples of 16 bytes.
template <class Args>
bool Fits(const Args& a, std::initializer_list<const void*> data, int64_t stride_bytes) {
  if (a.type != DType::kBF16 || a.in % 8 != 0 || a.out % 8 != 0 || stride_bytes % 16 != 0) return false;
  for (const void* pointer : data) {
    if (reinterpret_cast<uintptr_t>(pointer) % 16 != 0) return false;
  }
  constexpr int64_t kMost = int64_t{1} << 31;
  return a.in < kMost && a.out < kMost && IsHopper();
}

}  // namespace

bool Takes(const GroupedLinearArgs& a) { return Fits(a, {a.x, a.w, a.y}, 2 * a.w_stride); }
bool Takes(const GroupedLinearBackwardInputArgs& a) { return Fits(a, {a.dy, a.w, a.dx}, 2 * a.w_stride); }
bool Takes(const GroupedLinearBackwardWeightArgs& a) { return Fits(a, {a.dy, a.x, a.dw}, 4 * a.dw_stride); }

size_t Bytes(int64_t experts) {
  size_t bytes = 0;
  Cut(experts, nullptr, &bytes);
  return bytes;
}

Lists FillLists(cudaStream_t stream, const Form& form, void* scratch) {
  size_t bytes = 0;
  const Lists lists = Cut(form.range.count, scratch, &bytes);
  FillListsKernel<<<GridSize(CeilDiv(form.range.count, int64_t{kThreads})), kThreads, 0, stream>>>(form, lists);
  CheckLaunch("FillLists");
  return lists;
}

}  // namespace hlm::cuda::sm90
