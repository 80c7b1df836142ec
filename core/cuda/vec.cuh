// What the memory-bound kernels share: vectors of 8 or 16 bytes with their values as floats, sums over warps and rows, launch
// sizes.
#ifndef HORIZON_LM_CORE_CUDA_VEC_CUH_
#define HORIZON_LM_CORE_CUDA_VEC_CUH_

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

#include <climits>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/base/checked.h"
#include "core/base/dtype.h"
#include "core/base/error.h"

namespace hlm::cuda {

using bf16 = __nv_bfloat16;

// launch.template operator()<T>() for the type's T.
template <class Launch>
void ForType(DType type, const Launch& launch) {
  type == DType::kF32 ? launch.template operator()<float>() : launch.template operator()<bf16>();
}

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

// Elements of the widest access.
template <class T>
inline constexpr int kWide = 16 / static_cast<int>(sizeof(T));

// kN neighbours as they lie in memory, moved by one instruction.
template <class T, int kN>
struct Vec {
  static constexpr int kWords = static_cast<int>(sizeof(T)) * kN / 4;
  static_assert(kWords == 2 || kWords == 4);
  using Native = std::conditional_t<kWords == 4, uint4, uint2>;

  uint32_t words[kWords];

  __device__ static Vec Of(Native from) {
    if constexpr (kWords == 4) {
      return {{from.x, from.y, from.z, from.w}};
    } else {
      return {{from.x, from.y}};
    }
  }
  __device__ Native native() const {
    if constexpr (kWords == 4) {
      return {words[0], words[1], words[2], words[3]};
    } else {
      return {words[0], words[1]};
    }
  }
};

template <int kN, class T>
__device__ const typename Vec<T, kN>::Native* AsNative(const T* p) {
  return reinterpret_cast<const typename Vec<T, kN>::Native*>(p);
}
template <int kN, class T>
__device__ typename Vec<T, kN>::Native* AsNative(T* p) {
  return reinterpret_cast<typename Vec<T, kN>::Native*>(p);
}

// For memory that the same kernel writes too, and for what is used again soon.
template <int kN, class T>
__device__ Vec<T, kN> Load(const T* p) {
  return Vec<T, kN>::Of(*AsNative<kN>(p));
}
// For memory that nobody writes while the kernel runs.
template <int kN, class T>
__device__ Vec<T, kN> LoadReadOnly(const T* p) {
  return Vec<T, kN>::Of(__ldg(AsNative<kN>(p)));
}
// For what is not used again soon: the first to leave the caches.
template <int kN, class T>
__device__ Vec<T, kN> LoadOnce(const T* p) {
  return Vec<T, kN>::Of(__ldcs(AsNative<kN>(p)));
}
template <int kN, class T>
__device__ void Store(T* p, const Vec<T, kN>& v) {
  *AsNative<kN>(p) = v.native();
}
template <int kN, class T>
__device__ void StoreOnce(T* p, const Vec<T, kN>& v) {
  __stcs(AsNative<kN>(p), v.native());
}

template <int kN>
__device__ void ToFloats(const Vec<float, kN>& v, float (&to)[kN]) {
#pragma unroll
  for (int i = 0; i < kN; ++i) to[i] = __uint_as_float(v.words[i]);
}
template <int kN>
__device__ void ToFloats(const Vec<bf16, kN>& v, float (&to)[kN]) {
#pragma unroll
  for (int i = 0; i < kN / 2; ++i) {
    to[2 * i] = __uint_as_float(v.words[i] << 16);
    to[2 * i + 1] = __uint_as_float(v.words[i] & 0xffff0000u);
  }
}

// Rounded to the nearest, ties to even; a NaN stays a NaN.
template <class T, int kN>
__device__ Vec<T, kN> FromFloats(const float (&from)[kN]) {
  Vec<T, kN> v;
  if constexpr (std::is_same_v<T, float>) {
#pragma unroll
    for (int i = 0; i < kN; ++i) v.words[i] = __float_as_uint(from[i]);
  } else {
#pragma unroll
    for (int i = 0; i < kN / 2; ++i) {
      const __nv_bfloat162 pair = __floats2bfloat162_rn(from[2 * i], from[2 * i + 1]);
      memcpy(&v.words[i], &pair, sizeof(pair));
    }
  }
  return v;
}

// The compiler no longer knows what v came from: it will not keep what it computed from it before, such as its floats.
template <class T, int kN>
__device__ void Opaque(Vec<T, kN>& v) {
#pragma unroll
  for (uint32_t& word : v.words) asm volatile("" : "+r"(word));
}

// The values as they would be read back after being stored as T.
template <class T, int kN>
__device__ void RoundTo(float (&values)[kN]) {
  if constexpr (!std::is_same_v<T, float>) ToFloats(FromFloats<T>(values), values);
}

// kN floats of a table that nobody writes while the kernel runs, 16-byte aligned.
template <int kN>
__device__ void LoadFloats(const float* p, float (&to)[kN]) {
#pragma unroll
  for (int i = 0; i < kN; i += 4) {
    const float4 v = __ldg(reinterpret_cast<const float4*>(p + i));
    to[i] = v.x, to[i + 1] = v.y, to[i + 2] = v.z, to[i + 3] = v.w;
  }
}
template <int kN>
__device__ void StoreFloats(float* p, const float (&from)[kN]) {
#pragma unroll
  for (int i = 0; i < kN; i += 4) {
    *reinterpret_cast<float4*>(p + i) = make_float4(from[i], from[i + 1], from[i + 2], from[i + 3]);
  }
}

// Over groups of `lanes` neighbouring lanes (a power of two); every lane of the warp must call it, every lane gets its group's.
template <class V>
__device__ V WarpSum(V value, int lanes = kWarp) {
  for (int step = lanes / 2; step > 0; step /= 2) value += __shfl_xor_sync(kAllLanes, value, step);
  return value;
}
__device__ inline float WarpMax(float value) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, step));
  return value;
}

// Over the blockDim.x threads that share a row, a multiple of 32; a block has blockDim.y rows and all its threads must call it.
// `sums`: shared, a float for each warp of the block; two calls in a row need two of them.
__device__ inline float RowSum(float value, float* sums) {
  value = WarpSum(value);
  if (blockDim.x == kWarp) return value;
  const unsigned warps = blockDim.x / kWarp;
  sums += threadIdx.y * warps;
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = value;
  __syncthreads();
  float total = 0;
  for (unsigned w = 0; w < warps; ++w) total += sums[w];
  return total;
}

// The x extent of a grid.
inline unsigned GridSize(int64_t blocks) {
  HLM_CHECK(blocks >= 1 && blocks <= INT_MAX, "a grid of ", blocks, " blocks");
  return static_cast<unsigned>(blocks);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VEC_CUH_
