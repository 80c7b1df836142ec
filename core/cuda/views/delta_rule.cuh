// The delta rule in chunks (core/cpu/delta_chunk.h has the formulas), in four steps:
//
//   pairs     each chunk and value head by itself: P, and the inverses of the triangular systems that give U and its gradient
//   forward   documents, value heads and slices of the state's columns by themselves, chunk after chunk: out, and where a backward
//             pass follows the states before the chunks and what stands in the brackets of U = beta (..)
//   backward  the same from the last chunk on: dv, the states' gradients, X (dU by way of the system)
//   gather    each chunk and key head by itself, over the group's value heads in order: dq, dk, dg, dbeta
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_RULE_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_RULE_CUH_

#include "core/cuda/views/chunks.cuh"
#include "core/device/args/recurrence.h"

namespace hlm::cuda {

struct DeltaSizes {
  int heads, key_heads, key_dim, value_dim;
  float scale, epsilon;
  __host__ __device__ int group() const { return heads / key_heads; }
  __host__ __device__ int slices() const { return (value_dim + kSlice - 1) / kSlice; }
  __host__ __device__ int64_t state() const { return int64_t{key_dim} * value_dim; }
};

template <class T>
struct DeltaPlaces {
  DeltaSizes sizes;
  Lines<const T> q, k, v;
  const float *g, *beta;  // [tokens, heads]
  const ChunkPlace* table;
  const int* firsts;
  // By token and value head, a row of kChunk columns each: P, (I + L0 diag(beta))^-1 and (I + diag(beta) L0)^-1.
  float *pairs, *inverse, *inverse_back;
  T *inside, *back;     // [tokens, heads, value_dim]: the brackets of U, X; null where no backward pass follows
  T *states, *dstates;  // [slots, heads, key_dim, value_dim]

  __device__ int64_t Row(int64_t token, int head) const { return token * sizes.heads + head; }
};

// Normed rows of a chunk's queries or keys, warp by warp; 1 / length to `inverse`, which may be null.
template <int kColumns, class T>
__device__ void LoadNormed(const Lines<const T>& from, const ChunkPlace& place, int head, int width, float epsilon, float scale,
                           const Tile<kColumns>& to, float* inverse) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int row = warp; row < kChunk; row += kChunkThreads / kWarp) {
    const bool there = row < place.rows;
    const T* x = from.at(place.first + (there ? row : 0), head);
    float values[kColumns / kWarp], sum = 0;
#pragma unroll
    for (int i = 0; i < kColumns / kWarp; ++i) {
      const int c = lane + kWarp * i;
      values[i] = there && c < width ? static_cast<float>(x[c]) : 0.0f;
      sum += values[i] * values[i];
    }
    const float factor = 1.0f / sqrtf(WarpSum(sum) + epsilon);
#pragma unroll
    for (int i = 0; i < kColumns / kWarp; ++i) to(row, lane + kWarp * i) = there ? values[i] * factor * scale : 0.0f;
    if (inverse != nullptr && lane == 0) inverse[row] = there ? factor : 0.0f;
  }
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_RULE_CUH_
