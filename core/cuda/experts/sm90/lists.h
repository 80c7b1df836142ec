// The problems of a grouped product as lists on the device.
#ifndef HORIZON_LM_CORE_CUDA_EXPERTS_SM90_LISTS_H_
#define HORIZON_LM_CORE_CUDA_EXPERTS_SM90_LISTS_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/device/args/experts.h"

namespace hlm::cuda::sm90 {

// Where an operand lies for the expert that has rows from `first` on: data + first * by_row + expert * by_expert, in bytes; its
// lines lie `stride` elements apart.
struct Place {
  const void* data = nullptr;
  int64_t by_row = 0, by_expert = 0;
  int64_t stride = 0;
};

// d[m, n] = a[m, k] b[k, n] (+ bias[n]) for each expert of a range; a 0 among m, n and k stands for the number of its rows.
struct Form {
  ExpertRange range;
  int64_t m = 0, n = 0, k = 0;
  Place a, b, bias, d;
};

// The same, by expert. One without rows has m = 0: no tile is its.
struct Lists {
  int* shapes = nullptr;  // [experts, 3]
  const void **a = nullptr, **b = nullptr, **bias = nullptr;
  void** d = nullptr;
  int64_t *a_strides = nullptr, *b_strides = nullptr, *d_strides = nullptr;
  void* rest = nullptr;  // kRestBytes for CUTLASS
};
inline constexpr size_t kRestBytes = 256 << 10;

Lists FillLists(cudaStream_t stream, const Form& form, void* scratch);

}  // namespace hlm::cuda::sm90

#endif  // HORIZON_LM_CORE_CUDA_EXPERTS_SM90_LISTS_H_
