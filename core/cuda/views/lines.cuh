// Lines: heads of rows on the device, read and written in vectors where everything lies for it, else element by element.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_LINES_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_LINES_CUH_

#include <initializer_list>

#include "core/base/dtype.h"
#include "core/cuda/vec.cuh"
#include "core/device/args/view.h"

namespace hlm::cuda {

template <class T>
struct Lines {
  T* data;
  int64_t row, head;

  Lines(const View& view, int64_t heads, int64_t width) : data(static_cast<T*>(const_cast<void*>(view.data))) {
    const View v = Resolved(view, heads, width);
    row = v.row;
    head = v.head;
  }
  __device__ T* at(int64_t r, int64_t h) const { return data + r * row + h * head; }
  bool there() const { return data != nullptr; }
  // Whether every line begins at a multiple of `n` elements.
  bool InStepsOf(int n) const {
    return !there() ||
           (row % n == 0 && head % n == 0 && reinterpret_cast<uintptr_t>(data) % (static_cast<size_t>(n) * sizeof(T)) == 0);
  }
};

// kN elements as floats: one vector, or one element.
template <int kN, class T>
__device__ void ReadFloats(const T* from, float (&to)[kN]) {
  if constexpr (kN == 1) {
    to[0] = static_cast<float>(*from);
  } else {
    ToFloats(Load<kN>(from), to);
  }
}
template <int kN, class T>
__device__ void WriteFloats(T* to, const float (&from)[kN]) {
  if constexpr (kN == 1) {
    *to = static_cast<T>(from[0]);
  } else {
    Store(to, FromFloats<T>(from));
  }
}
template <class T>
__device__ float RoundedAs(float x) {
  return static_cast<float>(static_cast<T>(x));
}

// launch.template operator()<T, kN>() with the widest vectors that `width` and all the lines allow. `lines(T)` says whether they
// do.
template <class Fits, class Launch>
void ForVectors(DType type, int64_t width, const Fits& fits, const Launch& launch) {
  const auto of = [&]<class T>() {
    if (width % kWide<T> == 0 && fits.template operator()<T>(kWide<T>)) {
      launch.template operator()<T, kWide<T>>();
    } else {
      launch.template operator()<T, 1>();
    }
  };
  ForType(type, of);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_LINES_CUH_
