// The forward kernel of attention_tiles.cuh, for calls that bend scores and those that do not: one file compiles each.
#ifndef HORIZON_LM_CORE_CUDA_ATTENTION_TILES_FORWARD_CUH_
#define HORIZON_LM_CORE_CUDA_ATTENTION_TILES_FORWARD_CUH_

#include "core/cuda/attention_tiles.cuh"

namespace hlm::cuda {
namespace {

// kRows queries stay in shared memory, kCols keys and then their values pass through one tile.
template <int kWidth>
struct ForwardShape {
  static constexpr int kDim = kWidth;
  static constexpr int kRows = kWidth == 256 ? 32 : 64;
  static constexpr int kCols = kRows;
  static constexpr int kQueries = 0;
  static constexpr int kKeys = kQueries + kRows * kPitch<kDim>;
  static constexpr int kWeights = kKeys + kCols * kPitch<kDim>;
  static constexpr size_t kBytes = sizeof(float) * (kWeights + kRows * kPitch<kCols>);
};

__device__ inline float RowMost(float x) {
#pragma unroll
  for (int step = kSide / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
  return x;
}
__device__ inline float RowSum(float x) {
#pragma unroll
  for (int step = kSide / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}

// One tile of queries of one head: softmax(q k^T scale) v over the keys that they see, by the online softmax (Milakov and
// Gimelshein 2018; Dao et al. 2022, algorithm 1).
//   q, k, v, out : by the call's distances     lse : [tokens, heads] fp32     grid : (tile numbers, heads)
template <class T, class Shape, bool kBent>
__global__ void __launch_bounds__(kThreads)
    ForwardKernel(TileCall call, const T* q, const T* keys_of, const T* values_of, T* out, float* lse) {
  constexpr int kDim = Shape::kDim, kRows = Shape::kRows, kCols = Shape::kCols, R = kRows / kSide, C = kCols / kSide;
  float* shared = reinterpret_cast<float*>(DynamicShared());
  // The last tiles of a document see the most keys: they start first.
  const DocumentTile tile = FindTile<kRows>(call, int64_t{gridDim.x} - 1 - blockIdx.x);
  if (!tile.exists) return;
  const int head = static_cast<int>(blockIdx.y);
  const int tx = static_cast<int>(threadIdx.x) % kSide, ty = static_cast<int>(threadIdx.x) / kSide;
  const int rows = min(kRows, tile.length - tile.first);
  float* queries = shared + Shape::kQueries;
  float* keys = shared + Shape::kKeys;
  float* weights = shared + Shape::kWeights;
  const T* k = keys_of + tile.begin * call.k.row + head / call.group * call.k.head;
  const T* v = values_of + tile.begin * call.v.row + head / call.group * call.v.head;

  LoadTile<kRows, kDim>(q + (tile.begin + tile.first) * call.q.row + head * call.q.head, call.q.row, rows, call.head_dim,
                        queries);
  Sums<kDim, R> sums;
  sums.Clear();
  float most[R], total[R];
#pragma unroll
  for (int i = 0; i < R; ++i) {
    most[i] = -INFINITY;
    total[i] = 0;
    if constexpr (kBent) {  // a sink is a key that every query has seen before its first one, with a value of zeros
      if (call.sinks != nullptr) {
        most[i] = static_cast<float>(static_cast<const T*>(call.sinks)[head]);
        total[i] = 1;
      }
    }
  }
  const int end = tile.first + rows;
  for (int at = FirstKey<kBent>(call, tile.first, kCols); at < end; at += kCols) {
    const int count = min(kCols, end - at);
    __syncthreads();  // the values of the tile before have been read
    LoadTile<kCols, kDim>(k + at * call.k.row, call.k.row, count, call.head_dim, keys);
    __syncthreads();
    float scores[R][C];
    Products<kDim>(queries, keys, call.head_dim, scores);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const int query = tile.first + ty * R + i;
      float row_most = -INFINITY;
#pragma unroll
      for (int j = 0; j < C; ++j) {
        const int key = at + tx + kSide * j;
        const bool sees = Sees<kBent>(call, tile.length, query, key);
        if constexpr (kBent) {
          scores[i][j] = sees ? Bend(call, head, query, key, scores[i][j]).score : -INFINITY;
        } else {
          scores[i][j] = sees ? scores[i][j] * call.scale : -INFINITY;
        }
        row_most = fmaxf(row_most, scores[i][j]);
      }
      const float next = fmaxf(most[i], RowMost(row_most));
      // A row that has not seen a key yet: exp(-inf - 0) is 0, exp(-inf + inf) would not be.
      const float base = next == -INFINITY ? 0 : next;
      const float shrink = expf(most[i] - base);
      float row_total = 0;
#pragma unroll
      for (int j = 0; j < C; ++j) {
        scores[i][j] = expf(scores[i][j] - base);
        row_total += scores[i][j];
      }
      total[i] = total[i] * shrink + RowSum(row_total);
      most[i] = next;
      sums.Scale(i, shrink);
    }
    StoreWeights<kCols>(scores, weights);
    __syncthreads();  // the keys have been read
    LoadTile<kCols, kDim>(v + at * call.v.row, call.v.row, count, call.value_dim, keys);
    __syncthreads();
    sums.template Add<kCols>(weights, keys);
  }

  const int64_t token = tile.begin + tile.first;
#pragma unroll
  for (int i = 0; i < R; ++i) {
    sums.Scale(i, 1 / total[i]);
    if (tx == 0 && ty * R + i < rows) lse[(token + ty * R + i) * call.heads + head] = most[i] + logf(total[i]);
  }
  sums.Store(out + token * call.out.row + head * call.out.head, call.out.row, rows, call.value_dim);
}

template <bool kBent>
void RunTileAttention(cudaStream_t stream, const ViewAttentionArgs& args) {
  const TileCall call = MakeTileCall(args);
  using T = float;
  ForWidth(args, [&]<int kWidth>() {
    using Shape = ForwardShape<kWidth>;
    const dim3 grid(static_cast<unsigned>(TileNumbers(args.tokens, args.documents.count, Shape::kRows)),
                    static_cast<unsigned>(args.heads));
    Launch(ForwardKernel<T, Shape, kBent>, grid, kThreads, Shape::kBytes, stream, call, static_cast<const T*>(args.q.data),
           static_cast<const T*>(args.k.data), static_cast<const T*>(args.v.data), static_cast<T*>(args.out.data), args.lse);
  });
  CheckLaunch("TileAttention");
}

}  // namespace
}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_ATTENTION_TILES_FORWARD_CUH_
