// The backward kernels of attention_tiles.cuh, for calls that bend scores and those that do not: one file compiles each.
#ifndef HORIZON_LM_CORE_CUDA_ATTENTION_TILES_BACKWARD_CUH_
#define HORIZON_LM_CORE_CUDA_ATTENTION_TILES_BACKWARD_CUH_

#include "core/base/checked.h"
#include "core/cuda/attention_tiles.cuh"

namespace hlm::cuda {
namespace {

// Both kernels keep two tiles of kRows tokens in shared memory (q and dout, or k and v) and let kCols tokens of the other two
// pass through a third one.
template <int kWidth>
struct BackwardShape {
  static constexpr int kDim = kWidth;
  static constexpr int kRows = kWidth == 256 ? 32 : 64;
  static constexpr int kCols = kWidth == 64 ? 64 : kWidth == 128 ? 32 : 16;
  static constexpr int kFirst = 0;
  static constexpr int kSecond = kFirst + kRows * kPitch<kDim>;
  static constexpr int kPassing = kSecond + kRows * kPitch<kDim>;
  static constexpr int kWeights = kPassing + kCols * kPitch<kDim>;
  static constexpr size_t kBytes = sizeof(float) * (kWeights + kRows * kPitch<kCols>);
};

// delta[t, h] = dout[t, h] . out[t, h], one warp a row. (Dao et al. 2022, appendix B.2: the sum over keys of p dp.)
template <class T>
__global__ void __launch_bounds__(kThreads) DeltaKernel(TileCall call, const T* dout, const T* out, int64_t rows, float* delta) {
  const int64_t row = blockIdx.x * int64_t{kThreads / 32} + threadIdx.x / 32;
  if (row >= rows) return;
  const int64_t token = row / call.heads, head = row % call.heads;
  float sum = 0;
  const int column = static_cast<int>(threadIdx.x) % 32 * 8;
  static_assert(32 * 8 >= kMostHeadDim);
  if (column < call.value_dim) {
    float4 a, b, x, y;
    Load8(dout + token * call.dout.row + head * call.dout.head + column, &a, &b);
    Load8(out + token * call.out.row + head * call.out.head + column, &x, &y);
    sum = Dot4(b, y, Dot4(a, x, 0));
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  if (threadIdx.x % 32 == 0) delta[row] = sum;
}

// One tile of queries of one head: dq = sum over keys of ds k, ds = p (dout . v - delta) scale, p = exp(q . k scale - lse).
//   q, k, v, dout, dq : by the call's distances     lse, delta : [tokens, heads] fp32
//   grid : (tile numbers, heads)
template <class T, class Shape, bool kBent>
__global__ void __launch_bounds__(kThreads) QueryGradientKernel(TileCall call, const T* q, const T* keys_of, const T* values_of,
                                                                const T* dout, const float* lse, const float* delta, T* dq) {
  constexpr int kDim = Shape::kDim, kRows = Shape::kRows, kCols = Shape::kCols, R = kRows / kSide, C = kCols / kSide;
  float* shared = reinterpret_cast<float*>(DynamicShared());
  const DocumentTile tile = FindTile<kRows>(call, int64_t{gridDim.x} - 1 - blockIdx.x);
  if (!tile.exists) return;
  const int head = static_cast<int>(blockIdx.y);
  const int tx = static_cast<int>(threadIdx.x) % kSide, ty = static_cast<int>(threadIdx.x) / kSide;
  const int rows = min(kRows, tile.length - tile.first);
  const int64_t token = tile.begin + tile.first;
  float* queries = shared + Shape::kFirst;
  float* douts = shared + Shape::kSecond;
  float* passing = shared + Shape::kPassing;
  float* weights = shared + Shape::kWeights;
  const T* k = keys_of + tile.begin * call.k.row + head / call.group * call.k.head;
  const T* v = values_of + tile.begin * call.v.row + head / call.group * call.v.head;

  LoadTile<kRows, kDim>(q + token * call.q.row + head * call.q.head, call.q.row, rows, call.head_dim, queries);
  LoadTile<kRows, kDim>(dout + token * call.dout.row + head * call.dout.head, call.dout.row, rows, call.value_dim, douts);
  float row_lse[R], row_delta[R];
#pragma unroll
  for (int i = 0; i < R; ++i) {
    const int64_t at = (token + ty * R + i) * call.heads + head;
    const bool exists = ty * R + i < rows;
    row_lse[i] = exists ? lse[at] : 0;
    row_delta[i] = exists ? delta[at] : 0;
  }
  Sums<kDim, R> sums;
  sums.Clear();
  const int end = tile.first + rows;
  for (int at = FirstKey<kBent>(call, tile.first, kCols); at < end; at += kCols) {
    const int count = min(kCols, end - at);
    __syncthreads();  // the keys of the tile before have been read
    LoadTile<kCols, kDim>(v + at * call.v.row, call.v.row, count, call.value_dim, passing);
    __syncthreads();
    float dp[R][C], scores[R][C];
    Products<kDim>(douts, passing, call.value_dim, dp);
    __syncthreads();
    LoadTile<kCols, kDim>(k + at * call.k.row, call.k.row, count, call.head_dim, passing);
    __syncthreads();
    Products<kDim>(queries, passing, call.head_dim, scores);
#pragma unroll
    for (int i = 0; i < R; ++i) {
#pragma unroll
      for (int j = 0; j < C; ++j) {
        const int query = tile.first + ty * R + i, key = at + tx + kSide * j;
        const bool sees = Sees<kBent>(call, tile.length, query, key);
        if constexpr (kBent) {
          const BentScore bent = Bend(call, head, query, key, scores[i][j]);
          scores[i][j] = sees ? expf(bent.score - row_lse[i]) * (dp[i][j] - row_delta[i]) * bent.slope : 0;
        } else {
          scores[i][j] = sees ? expf(scores[i][j] * call.scale - row_lse[i]) * (dp[i][j] - row_delta[i]) * call.scale : 0;
        }
      }
    }
    StoreWeights<kCols>(scores, weights);
    sums.template Add<kCols>(weights, passing);
  }
  sums.Store(dq + token * call.dq.row + head * call.dq.head, call.dq.row, rows, call.head_dim);
}

// One tile of keys of one key head: dk = sum of ds q, dv = sum of p dout, over the query heads of the group in order and, for
// each, over the queries in order.     grid : (tile numbers, kv_heads)
template <class T, class Shape, bool kBent>
__global__ void __launch_bounds__(kThreads)
    KeyGradientKernel(TileCall call, const T* queries_of, const T* keys_of, const T* values_of, const T* dout, const float* lse,
                      const float* delta, T* dk_to, T* dv_to) {
  constexpr int kDim = Shape::kDim, kRows = Shape::kRows, kCols = Shape::kCols, R = kRows / kSide, C = kCols / kSide;
  float* shared = reinterpret_cast<float*>(DynamicShared());
  const DocumentTile tile = FindTile<kRows>(call, blockIdx.x);  // the first keys of a document are seen by the most queries
  if (!tile.exists) return;
  const int kv_head = static_cast<int>(blockIdx.y);
  const int tx = static_cast<int>(threadIdx.x) % kSide, ty = static_cast<int>(threadIdx.x) / kSide;
  const int rows = min(kRows, tile.length - tile.first);
  const int64_t token = tile.begin + tile.first;
  float* keys = shared + Shape::kFirst;
  float* values = shared + Shape::kSecond;
  float* passing = shared + Shape::kPassing;
  float* weights = shared + Shape::kWeights;

  LoadTile<kRows, kDim>(keys_of + token * call.k.row + kv_head * call.k.head, call.k.row, rows, call.head_dim, keys);
  LoadTile<kRows, kDim>(values_of + token * call.v.row + kv_head * call.v.head, call.v.row, rows, call.value_dim, values);
  Sums<kDim, R> dk, dv;
  dk.Clear();
  dv.Clear();
  const int end = EndOfQueries<kBent>(call, tile.length, tile.first + rows - 1);
  for (int head = kv_head * call.group; head < (kv_head + 1) * call.group; ++head) {
    const T* q = queries_of + tile.begin * call.q.row + head * call.q.head;
    const T* head_dout = dout + tile.begin * call.dout.row + head * call.dout.head;
    for (int at = tile.first / kCols * kCols; at < end; at += kCols) {
      const int count = min(kCols, tile.length - at);
      float row_lse[C], row_delta[C];
#pragma unroll
      for (int j = 0; j < C; ++j) {
        const int query = at + tx + kSide * j;
        const int64_t place = (tile.begin + query) * call.heads + head;
        row_lse[j] = query < tile.length ? lse[place] : 0;
        row_delta[j] = query < tile.length ? delta[place] : 0;
      }
      float p[R][C], ds[R][C];
      __syncthreads();  // what passed before has been read
      LoadTile<kCols, kDim>(head_dout + at * call.dout.row, call.dout.row, count, call.value_dim, passing);
      __syncthreads();
      Products<kDim>(values, passing, call.value_dim, ds);
      __syncthreads();
      LoadTile<kCols, kDim>(q + at * call.q.row, call.q.row, count, call.head_dim, passing);
      __syncthreads();
      Products<kDim>(keys, passing, call.head_dim, p);
#pragma unroll
      for (int i = 0; i < R; ++i) {
#pragma unroll
        for (int j = 0; j < C; ++j) {
          const int query = at + tx + kSide * j, key = tile.first + ty * R + i;
          const bool sees = Sees<kBent>(call, tile.length, query, key);
          if constexpr (kBent) {
            const BentScore bent = Bend(call, head, query, key, p[i][j]);
            p[i][j] = sees ? expf(bent.score - row_lse[j]) : 0;
            ds[i][j] = p[i][j] * (ds[i][j] - row_delta[j]) * bent.slope;
          } else {
            p[i][j] = sees ? expf(p[i][j] * call.scale - row_lse[j]) : 0;
            ds[i][j] = p[i][j] * (ds[i][j] - row_delta[j]) * call.scale;
          }
        }
      }
      StoreWeights<kCols>(ds, weights);
      dk.template Add<kCols>(weights, passing);
      StoreWeights<kCols>(p, weights);
      // dout a second time: there is no room for it beside the queries on the smaller GPUs.
      __syncthreads();
      LoadTile<kCols, kDim>(head_dout + at * call.dout.row, call.dout.row, count, call.value_dim, passing);
      __syncthreads();
      dv.template Add<kCols>(weights, passing);
    }
  }
  dk.Store(dk_to + token * call.dk.row + kv_head * call.dk.head, call.dk.row, rows, call.head_dim);
  dv.Store(dv_to + token * call.dv.row + kv_head * call.dv.head, call.dv.row, rows, call.value_dim);
}

template <bool kBent>
void RunTileAttentionBackward(cudaStream_t stream, const ViewAttentionBackwardArgs& args, void* scratch) {
  const TileCall call = MakeTileCall(args);
  float* delta = static_cast<float*>(scratch);
  using T = float;
  ForWidth(args, [&]<int kWidth>() {
    using Shape = BackwardShape<kWidth>;
    const auto *q = static_cast<const T*>(args.q.data), *k = static_cast<const T*>(args.k.data),
               *v = static_cast<const T*>(args.v.data), *dout = static_cast<const T*>(args.dout.data);
    const int64_t rows = args.tokens * args.heads;
    const auto delta_blocks = static_cast<unsigned>(CeilDiv(rows, kThreads / 32));
    Launch(DeltaKernel<T>, dim3(delta_blocks), kThreads, 0, stream, call, dout, static_cast<const T*>(args.out.data), rows,
           delta);
    CheckLaunch("TileAttentionBackward (delta)");
    const auto tiles = static_cast<unsigned>(TileNumbers(args.tokens, args.documents.count, Shape::kRows));
    const dim3 query_grid(tiles, static_cast<unsigned>(args.heads)), key_grid(tiles, static_cast<unsigned>(args.kv_heads));
    Launch(QueryGradientKernel<T, Shape, kBent>, query_grid, kThreads, Shape::kBytes, stream, call, q, k, v, dout, args.lse,
           delta, static_cast<T*>(args.dq.data));
    CheckLaunch("TileAttentionBackward (queries)");
    Launch(KeyGradientKernel<T, Shape, kBent>, key_grid, kThreads, Shape::kBytes, stream, call, q, k, v, dout, args.lse, delta,
           static_cast<T*>(args.dk.data), static_cast<T*>(args.dv.data));
    CheckLaunch("TileAttentionBackward (keys)");
  });
}

}  // namespace
}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_ATTENTION_TILES_BACKWARD_CUH_
