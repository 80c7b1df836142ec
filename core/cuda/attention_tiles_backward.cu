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
__global__ void __launch_bounds__(kThreads) DeltaKernel(const T* dout, const T* out, int64_t rows, int head_dim, float* delta) {
  const int64_t row = blockIdx.x * int64_t{kThreads / 32} + threadIdx.x / 32;
  if (row >= rows) return;
  float sum = 0;
  const int column = static_cast<int>(threadIdx.x) % 32 * 8;
  static_assert(32 * 8 >= kMostHeadDim);
  if (column < head_dim) {
    float4 a, b, x, y;
    Load8(dout + row * head_dim + column, &a, &b);
    Load8(out + row * head_dim + column, &x, &y);
    sum = Dot4(b, y, Dot4(a, x, 0));
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  if (threadIdx.x % 32 == 0) delta[row] = sum;
}

// One tile of queries of one head: dq = sum over keys of ds k, ds = p (dout . v - delta) scale, p = exp(q . k scale - lse).
//   qkv, dqkv : [tokens, row] T     dout : [tokens, out_row] T     lse, delta : [tokens, heads] fp32
//   grid : (tile numbers, heads)
template <class T, class Shape>
__global__ void __launch_bounds__(kThreads)
    QueryGradientKernel(TileCall call, const T* qkv, const T* dout, const float* lse, const float* delta, T* dqkv) {
  constexpr int kDim = Shape::kDim, kRows = Shape::kRows, kCols = Shape::kCols, R = kRows / kSide, C = kCols / kSide;
  extern __shared__ __align__(16) float shared[];
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
  const T* k = qkv + tile.begin * call.row + (call.heads + head / call.group) * call.head_dim;
  const T* v = k + call.kv_heads * call.head_dim;

  LoadTile<kRows, kDim>(qkv + token * call.row + head * call.head_dim, call.row, rows, call.head_dim, queries);
  LoadTile<kRows, kDim>(dout + token * call.out_row + head * call.head_dim, call.out_row, rows, call.head_dim, douts);
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
  int at = 0;
  if (call.window > 0 && tile.first + 1 > call.window) at = static_cast<int>(tile.first + 1 - call.window) / kCols * kCols;
  for (; at < end; at += kCols) {
    const int count = min(kCols, end - at);
    __syncthreads();  // the keys of the tile before have been read
    LoadTile<kCols, kDim>(v + at * call.row, call.row, count, call.head_dim, passing);
    __syncthreads();
    float dp[R][C], scores[R][C];
    Products<kDim>(douts, passing, call.head_dim, dp);
    __syncthreads();
    LoadTile<kCols, kDim>(k + at * call.row, call.row, count, call.head_dim, passing);
    __syncthreads();
    Products<kDim>(queries, passing, call.head_dim, scores);
#pragma unroll
    for (int i = 0; i < R; ++i) {
#pragma unroll
      for (int j = 0; j < C; ++j) {
        const bool sees = Sees(call, tile.length, tile.first + ty * R + i, at + tx + kSide * j);
        scores[i][j] = sees ? expf(scores[i][j] * call.scale - row_lse[i]) * (dp[i][j] - row_delta[i]) * call.scale : 0;
      }
    }
    StoreWeights<kCols>(scores, weights);
    sums.template Add<kCols>(weights, passing);
  }
  sums.Store(dqkv + token * call.row + head * call.head_dim, call.row, rows, call.head_dim);
}

// One tile of keys of one key head: dk = sum of ds q, dv = sum of p dout, over the query heads of the group in order and, for
// each, over the queries in order.     grid : (tile numbers, kv_heads)
template <class T, class Shape>
__global__ void __launch_bounds__(kThreads)
    KeyGradientKernel(TileCall call, const T* qkv, const T* dout, const float* lse, const float* delta, T* dqkv) {
  constexpr int kDim = Shape::kDim, kRows = Shape::kRows, kCols = Shape::kCols, R = kRows / kSide, C = kCols / kSide;
  extern __shared__ __align__(16) float shared[];
  const DocumentTile tile = FindTile<kRows>(call, blockIdx.x);  // the first keys of a document are seen by the most queries
  if (!tile.exists) return;
  const int kv_head = static_cast<int>(blockIdx.y);
  const int tx = static_cast<int>(threadIdx.x) % kSide, ty = static_cast<int>(threadIdx.x) / kSide;
  const int rows = min(kRows, tile.length - tile.first);
  const int64_t token = tile.begin + tile.first;
  const int k_column = (call.heads + kv_head) * call.head_dim, v_column = k_column + call.kv_heads * call.head_dim;
  float* keys = shared + Shape::kFirst;
  float* values = shared + Shape::kSecond;
  float* passing = shared + Shape::kPassing;
  float* weights = shared + Shape::kWeights;

  LoadTile<kRows, kDim>(qkv + token * call.row + k_column, call.row, rows, call.head_dim, keys);
  LoadTile<kRows, kDim>(qkv + token * call.row + v_column, call.row, rows, call.head_dim, values);
  Sums<kDim, R> dk, dv;
  dk.Clear();
  dv.Clear();
  int end = tile.length;
  if (call.window > 0 && tile.first + rows - 1 + call.window < end) end = static_cast<int>(tile.first + rows - 1 + call.window);
  for (int head = kv_head * call.group; head < (kv_head + 1) * call.group; ++head) {
    const T* q = qkv + tile.begin * call.row + head * call.head_dim;
    const T* head_dout = dout + tile.begin * call.out_row + head * call.head_dim;
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
      LoadTile<kCols, kDim>(head_dout + at * call.out_row, call.out_row, count, call.head_dim, passing);
      __syncthreads();
      Products<kDim>(values, passing, call.head_dim, ds);
      __syncthreads();
      LoadTile<kCols, kDim>(q + at * call.row, call.row, count, call.head_dim, passing);
      __syncthreads();
      Products<kDim>(keys, passing, call.head_dim, p);
#pragma unroll
      for (int i = 0; i < R; ++i) {
#pragma unroll
        for (int j = 0; j < C; ++j) {
          const bool sees = Sees(call, tile.length, at + tx + kSide * j, tile.first + ty * R + i);
          p[i][j] = sees ? expf(p[i][j] * call.scale - row_lse[j]) : 0;
          ds[i][j] = p[i][j] * (ds[i][j] - row_delta[j]) * call.scale;
        }
      }
      StoreWeights<kCols>(ds, weights);
      dk.template Add<kCols>(weights, passing);
      StoreWeights<kCols>(p, weights);
      // dout a second time: there is no room for it beside the queries on the smaller GPUs.
      __syncthreads();
      LoadTile<kCols, kDim>(head_dout + at * call.out_row, call.out_row, count, call.head_dim, passing);
      __syncthreads();
      dv.template Add<kCols>(weights, passing);
    }
  }
  dk.Store(dqkv + token * call.row + k_column, call.row, rows, call.head_dim);
  dv.Store(dqkv + token * call.row + v_column, call.row, rows, call.head_dim);
}

}  // namespace

size_t TileAttentionBackwardBytes(int64_t tokens, int64_t heads) { return static_cast<size_t>(tokens * heads) * sizeof(float); }

void TileAttentionBackward(cudaStream_t stream, const AttentionBackwardArgs& args, void* scratch) {
  const TileCall call = MakeTileCall(args);
  float* delta = static_cast<float*>(scratch);
  ForTypeAndWidth(args.type, args.head_dim, [&]<class T, int kWidth>() {
    using Shape = BackwardShape<kWidth>;
    const T* qkv = static_cast<const T*>(args.qkv);
    const T* dout = static_cast<const T*>(args.dout);
    T* dqkv = static_cast<T*>(args.dqkv);
    const int64_t rows = args.tokens * args.heads;
    const auto delta_blocks = static_cast<unsigned>(CeilDiv(rows, kThreads / 32));
    DeltaKernel<<<delta_blocks, kThreads, 0, stream>>>(dout, static_cast<const T*>(args.out), rows, call.head_dim, delta);
    CheckLaunch("TileAttentionBackward (delta)");
    const auto tiles = static_cast<unsigned>(TileNumbers(args.tokens, args.documents.count, Shape::kRows));
    const dim3 query_grid(tiles, static_cast<unsigned>(args.heads)), key_grid(tiles, static_cast<unsigned>(args.kv_heads));
    const auto queries = QueryGradientKernel<T, Shape>;
    AllowSharedMemory(queries, Shape::kBytes);
    queries<<<query_grid, kThreads, Shape::kBytes, stream>>>(call, qkv, dout, args.lse, delta, dqkv);
    CheckLaunch("TileAttentionBackward (queries)");
    const auto keys = KeyGradientKernel<T, Shape>;
    AllowSharedMemory(keys, Shape::kBytes);
    keys<<<key_grid, kThreads, Shape::kBytes, stream>>>(call, qkv, dout, args.lse, delta, dqkv);
    CheckLaunch("TileAttentionBackward (keys)");
  });
}

}  // namespace hlm::cuda
