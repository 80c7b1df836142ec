// What the kernels of attention_tiles_forward.cuh and attention_tiles_backward.cuh share: tiles of fp32 in shared memory, and the
// two products of attention on them. All arithmetic is fp32 on the CUDA cores.
//
// A block of 256 threads is a 16 x 16 grid: thread (ty, tx) owns rows ty * R .. ty * R + R - 1 of a product's result. The 16
// threads of a row are half a warp, so what one product hands to the next (probabilities) never leaves a warp, and row sums are
// shuffles. Tiles are at most 99 KiB together: the most that every GPU from sm_80 on gives a block. Their sizes do not depend on
// the GPU, and so neither do the bits of a result.
#ifndef HORIZON_LM_CORE_CUDA_ATTENTION_TILES_CUH_
#define HORIZON_LM_CORE_CUDA_ATTENTION_TILES_CUH_

#include <cuda_bf16.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/cuda/attention.h"
#include "core/cuda/launch.cuh"

namespace hlm::cuda {

inline constexpr int kThreads = 256;
inline constexpr int kSide = 16;  // threads a side of the block's grid

// Heads are padded with zeros to kDim. Rows of a tile in shared memory are 4 floats further apart, so that float4 loads of the
// same column by 8 threads of consecutive rows touch all 32 banks.
template <int kDim>
inline constexpr int kPitch = kDim + 4;

// What all kernels of one call know. Distances in elements.
struct HeadSteps {
  int64_t row, head;  // from token to token, from head to head
};
struct TileCall {
  const int32_t* offsets;  // [documents + 1], device
  int64_t documents;
  HeadSteps q, k, v, out, dout, dq, dk, dv;
  int heads, group;  // query heads, and how many of them share a key head
  int head_dim, value_dim;
  int64_t window, chunk;  // 0: none
  float scale;
  // Of calls that bend scores:
  float soft_cap;       // 0: none
  const float* slopes;  // [heads], or null
  const void* sinks;    // [heads] of the call's type, or null
};

// Whether a call's scores are more than scaled products. Kernels for those that are not stay as they were.
template <class Args>
bool Bends(const Args& a) {
  return a.kind.soft_cap > 0 || a.kind.chunk > 0 || a.slopes != nullptr || a.sinks != nullptr;
}

template <class Args>
TileCall MakeTileCall(const Args& a) {
  const auto steps = [](const View& view, int64_t heads, int64_t width) {
    const View v = Resolved(view, heads, width);
    return HeadSteps{v.row, v.head};
  };
  TileCall call{};
  call.offsets = a.documents.offsets;
  call.documents = a.documents.count;
  call.q = steps(a.q, a.heads, a.head_dim);
  call.k = steps(a.k, a.kv_heads, a.head_dim);
  call.v = steps(a.v, a.kv_heads, a.value_dim);
  call.out = steps(a.out, a.heads, a.value_dim);
  if constexpr (requires { a.dq; }) {
    call.dout = steps(a.dout, a.heads, a.value_dim);
    call.dq = steps(a.dq, a.heads, a.head_dim);
    call.dk = steps(a.dk, a.kv_heads, a.head_dim);
    call.dv = steps(a.dv, a.kv_heads, a.value_dim);
  }
  call.heads = static_cast<int>(a.heads);
  call.group = static_cast<int>(a.heads / a.kv_heads);
  call.head_dim = static_cast<int>(a.head_dim);
  call.value_dim = static_cast<int>(a.value_dim);
  call.window = a.kind.window;
  call.chunk = a.kind.chunk;
  call.scale = a.kind.scale;
  call.soft_cap = a.kind.soft_cap;
  call.slopes = a.slopes;
  call.sinks = a.sinks;
  return call;
}

// A score out of the product of a query and a key, and what its gradient is multiplied with on its way back to that product.
struct BentScore {
  float score, slope;
};
__device__ inline BentScore Bend(const TileCall& call, int head, int query, int key, float product) {
  BentScore bent{product * call.scale, call.scale};
  if (call.soft_cap > 0) {
    const float t = tanhf(bent.score / call.soft_cap);
    bent = {call.soft_cap * t, call.scale * (1 - t * t)};
  }
  if (call.slopes != nullptr) bent.score += call.slopes[head] * static_cast<float>(key - query);
  return bent;
}

// Tiles of `rows` tokens are numbered without knowing the documents' lengths on the host: document d owns the numbers from
// offsets[d] / rows + d up to those of d + 1, which are at least as many as it has tiles. Some numbers stay without work.
inline int64_t TileNumbers(int64_t tokens, int64_t documents, int rows) { return tokens / rows + documents; }

struct DocumentTile {
  int64_t begin;      // first token of the document
  int length, first;  // tokens of the document; first of them in the tile
  bool exists;
};

template <int kRows>
__device__ inline DocumentTile FindTile(const TileCall& call, int64_t number) {
  int64_t low = 0, high = call.documents;  // the document is in [low, high)
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    if (call.offsets[middle] / kRows + middle <= number) {
      low = middle;
    } else {
      high = middle;
    }
  }
  const int begin = call.offsets[low];
  DocumentTile tile;
  tile.begin = begin;
  tile.length = call.offsets[low + 1] - begin;
  const int64_t first = (number - begin / kRows - low) * kRows;
  tile.exists = first < tile.length;
  tile.first = static_cast<int>(first);
  return tile;
}

// Token `key` is seen by token `query` of the same document.
template <bool kBent>
__device__ inline bool Sees(const TileCall& call, int length, int query, int key) {
  if (kBent && call.chunk > 0 && key < query - query % static_cast<int>(call.chunk)) return false;
  return key <= query && query < length && (call.window == 0 || key > query - call.window);
}
// The first key that any query from `query` on sees, as far down as a tile of `cols` keys begins.
template <bool kBent>
__device__ inline int FirstKey(const TileCall& call, int query, int cols) {
  int first = 0;
  if (call.window > 0 && query + 1 > call.window) first = static_cast<int>(query + 1 - call.window);
  if (kBent && call.chunk > 0) first = max(first, query - query % static_cast<int>(call.chunk));
  return first / cols * cols;
}
// One behind the last query of a document of `length` tokens that sees `key` or one before it.
template <bool kBent>
__device__ inline int EndOfQueries(const TileCall& call, int length, int key) {
  int end = length;
  if (call.window > 0 && key + call.window < end) end = static_cast<int>(key + call.window);
  if (kBent && call.chunk > 0) {
    const int chunk = static_cast<int>(call.chunk);
    if (chunk - key % chunk < end - key) end = key - key % chunk + chunk;
  }
  return end;
}

__device__ inline void Load8(const float* from, float4* a, float4* b) {
  *a = reinterpret_cast<const float4*>(from)[0];
  *b = reinterpret_cast<const float4*>(from)[1];
}
__device__ inline void Load8(const __nv_bfloat16* from, float4* a, float4* b) {
  const uint4 bits = *reinterpret_cast<const uint4*>(from);
  const auto low = [](uint32_t pair) { return __uint_as_float(pair << 16); };
  const auto high = [](uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); };
  *a = make_float4(low(bits.x), high(bits.x), low(bits.y), high(bits.y));
  *b = make_float4(low(bits.z), high(bits.z), low(bits.w), high(bits.w));
}
__device__ inline void Store4(float* to, const float4& x) { *reinterpret_cast<float4*>(to) = x; }
__device__ inline void Store4(__nv_bfloat16* to, const float4& x) {
  __nv_bfloat162 pairs[2] = {__floats2bfloat162_rn(x.x, x.y), __floats2bfloat162_rn(x.z, x.w)};
  *reinterpret_cast<uint2*>(to) = *reinterpret_cast<const uint2*>(pairs);
}

// Rows of one head into a tile; zeros for rows from `rows` on and columns from head_dim on.
template <int kRows, int kDim, class T>
__device__ inline void LoadTile(const T* from, int64_t stride, int rows, int head_dim, float* tile) {
  constexpr int kUnits = kDim / 8;
  for (int unit = static_cast<int>(threadIdx.x); unit < kRows * kUnits; unit += kThreads) {
    const int r = unit / kUnits, c = unit % kUnits * 8;
    float4 a = make_float4(0, 0, 0, 0), b = a;
    if (r < rows && c < head_dim) Load8(from + r * stride + c, &a, &b);
    float4* to = reinterpret_cast<float4*>(tile + r * kPitch<kDim> + c);
    to[0] = a;
    to[1] = b;
  }
}

__device__ inline float Dot4(const float4& a, const float4& b, float sum) {
  return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum))));
}

// scores[i][j] = rows[ty * R + i] . columns[tx + 16 j] over head_dim: a product of a tile with another one's transpose.
template <int kDim, int R, int C>
__device__ inline void Products(const float* rows, const float* columns, int head_dim, float (&scores)[R][C]) {
  const int tx = static_cast<int>(threadIdx.x) % kSide, ty = static_cast<int>(threadIdx.x) / kSide;
  const float* a = rows + ty * R * kPitch<kDim>;
  const float* b = columns + tx * kPitch<kDim>;
#pragma unroll
  for (int i = 0; i < R; ++i) {
#pragma unroll
    for (int j = 0; j < C; ++j) scores[i][j] = 0;
  }
#pragma unroll 2
  for (int d = 0; d < head_dim; d += 4) {
    float4 x[R], y[C];
#pragma unroll
    for (int i = 0; i < R; ++i) x[i] = *reinterpret_cast<const float4*>(a + i * kPitch<kDim> + d);
#pragma unroll
    for (int j = 0; j < C; ++j) y[j] = *reinterpret_cast<const float4*>(b + j * kSide * kPitch<kDim> + d);
#pragma unroll
    for (int i = 0; i < R; ++i) {
#pragma unroll
      for (int j = 0; j < C; ++j) scores[i][j] = Dot4(x[i], y[j], scores[i][j]);
    }
  }
}

// The part of a [rows, kDim] result that one thread holds: columns 64 c + 4 tx .. 64 c + 4 tx + 3 of its R rows.
template <int kDim, int R>
struct Sums {
  static constexpr int kParts = kDim / (4 * kSide);
  float4 at[R][kParts];

  __device__ void Clear() {
#pragma unroll
    for (int i = 0; i < R; ++i) {
#pragma unroll
      for (int c = 0; c < kParts; ++c) at[i][c] = make_float4(0, 0, 0, 0);
    }
  }
  __device__ void Scale(int i, float factor) {
#pragma unroll
    for (int c = 0; c < kParts; ++c) {
      at[i][c] = make_float4(at[i][c].x * factor, at[i][c].y * factor, at[i][c].z * factor, at[i][c].w * factor);
    }
  }

  // += weights [R rows of this thread, kCount] times tile [kCount, kDim]. The weights were written by this half of the warp.
  template <int kCount>
  __device__ void Add(const float* weights, const float* tile) {
    const int tx = static_cast<int>(threadIdx.x) % kSide, ty = static_cast<int>(threadIdx.x) / kSide;
    const float* w = weights + ty * R * kPitch<kCount>;
    const float* from = tile + 4 * tx;
#pragma unroll 2
    for (int k = 0; k < kCount; k += 4) {
      float x[R][4];
#pragma unroll
      for (int i = 0; i < R; ++i) *reinterpret_cast<float4*>(x[i]) = *reinterpret_cast<const float4*>(w + i * kPitch<kCount> + k);
#pragma unroll
      for (int e = 0; e < 4; ++e) {
#pragma unroll
        for (int c = 0; c < kParts; ++c) {
          const float4 y = *reinterpret_cast<const float4*>(from + (k + e) * kPitch<kDim> + 4 * kSide * c);
#pragma unroll
          for (int i = 0; i < R; ++i) {
            at[i][c].x = fmaf(x[i][e], y.x, at[i][c].x);
            at[i][c].y = fmaf(x[i][e], y.y, at[i][c].y);
            at[i][c].z = fmaf(x[i][e], y.z, at[i][c].z);
            at[i][c].w = fmaf(x[i][e], y.w, at[i][c].w);
          }
        }
      }
    }
  }

  // Row ty * R + i of the result to to + i * stride, where it is one of the first `rows`.
  template <class T>
  __device__ void Store(T* to, int64_t stride, int rows, int head_dim) const {
    const int tx = static_cast<int>(threadIdx.x) % kSide, ty = static_cast<int>(threadIdx.x) / kSide;
#pragma unroll
    for (int i = 0; i < R; ++i) {
#pragma unroll
      for (int c = 0; c < kParts; ++c) {
        const int column = 4 * kSide * c + 4 * tx;
        if (ty * R + i < rows && column < head_dim) Store4(to + (ty * R + i) * stride + column, at[i][c]);
      }
    }
  }
};

// A thread's products into a [rows, kCount] tile of weights. The syncs keep the half warps' reads of what was there before and
// the writes apart.
template <int kCount, int R, int C>
__device__ inline void StoreWeights(const float (&values)[R][C], float* weights) {
  static_assert(C * kSide == kCount);
  const int tx = static_cast<int>(threadIdx.x) % kSide, ty = static_cast<int>(threadIdx.x) / kSide;
  __syncwarp();
#pragma unroll
  for (int i = 0; i < R; ++i) {
#pragma unroll
    for (int j = 0; j < C; ++j) weights[(ty * R + i) * kPitch<kCount> + tx + kSide * j] = values[i][j];
  }
  __syncwarp();
}

// Calls launch.template operator()<kDim>() for the smallest padded width. What is loaded as vectors of 8 must lie at multiples of 8
// elements.
template <class Args, class Launch>
void ForWidth(const Args& a, const Launch& launch) {
  const auto check = [](int64_t width) {
    HLM_CHECK(width % 8 == 0 && width >= 8 && width <= kMostHeadDim, "attention with heads of ", width);
  };
  check(a.head_dim);
  check(a.value_dim);
  const int64_t width = std::max(a.head_dim, a.value_dim);
  if (width <= 64) return launch.template operator()<64>();
  if (width <= 128) return launch.template operator()<128>();
  launch.template operator()<256>();
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_ATTENTION_TILES_CUH_
