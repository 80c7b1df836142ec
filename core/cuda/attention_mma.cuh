// Attention in bf16 on tensor cores, for what cuDNN does not take: soft caps, slopes, chunks and other shapes. The kernels are those
// of attention_tiles_*.cuh, with products of bf16 and sums in fp32: a warp has 16 rows of a tile, and what one product hands to the
// next (probabilities) stays in its registers. No float atomics: queries' gradients and keys' gradients have a kernel each.
#ifndef HORIZON_LM_CORE_CUDA_ATTENTION_MMA_CUH_
#define HORIZON_LM_CORE_CUDA_ATTENTION_MMA_CUH_

#include "core/cuda/attention_tiles.cuh"
#include "core/cuda/mma.cuh"

namespace hlm::cuda {

using bf16 = __nv_bfloat16;

inline constexpr int kMmaRows = 64;  // of a block's tile: a warp has 16

// Heads are padded with zeros to kDim. kCols tokens pass at a time; the next ones are on their way meanwhile where there is room.
// kSmall: backward within kLeastShared.
template <int kWidth, bool kSmall = false>
struct MmaShape {
  static constexpr int kDim = kWidth;
  static constexpr int kTile = MmaTile<kDim>::Bytes(kMmaRows);
  static constexpr int kStages = kDim == 256 ? 1 : 2;
  // Forward: queries, and keys and values that pass.
  static constexpr int kForwardCols = 64;
  static constexpr size_t kForwardBytes = kTile + kStages * 2 * MmaTile<kDim>::Bytes(kForwardCols);
  // Backward: two tiles stay and two pass.
  static constexpr int kCols = kDim == 64 ? 64 : kSmall ? 16 : 32;
  static constexpr int kTurns = kSmall ? 1 : 2;  // that have room at once
  static constexpr int kPassing = MmaTile<kDim>::Bytes(kCols);
  static constexpr size_t kBackwardBytes = 2 * kTile + kTurns * 2 * kPassing;
  // With the numbers of MmaKeyGradientKernel.
  static constexpr size_t kBackwardShared = kBackwardBytes + 2 * kCols * sizeof(float2);
  // Gradients of keys and values are more than a warp's registers hold at 256: two warps share the rows, and have half of the columns
  // each.
  static constexpr int kSplit = kDim == 256 ? 2 : 1;
};

// Rows of one head on their way to a tile; zeros for rows from `rows` on and columns from `width` on.
template <int kRows, int kDim, int kThreads>
__device__ inline void SendTile(const bf16* from, int64_t stride, int rows, int width, const MmaTile<kDim>& tile) {
  constexpr int kUnits = kDim / 8;
  for (int unit = static_cast<int>(threadIdx.x); unit < kRows * kUnits; unit += kThreads) {
    const int r = unit / kUnits, c = unit % kUnits * 8;
    const bool there = r < rows && c < width;
    CopyAhead(tile.at(r, c), there ? from + r * stride + c : from, there);
  }
}

// A turn's keys and values of a document and head, from `at` on; none from `end` on.
template <int kCols, int kDim, int kThreads>
__device__ inline void SendKeysAndValues(const TileCall& call, const bf16* k, const bf16* v, int at, int end,
                                         const MmaTile<kDim>& keys, const MmaTile<kDim>& values) {
  if (at < end) {
    SendTile<kCols, kDim, kThreads>(k + at * call.k.row, call.k.row, end - at, call.head_dim, keys);
    SendTile<kCols, kDim, kThreads>(v + at * call.v.row, call.v.row, end - at, call.value_dim, values);
  }
  CloseCopies();
}

// As Bend, with tanh out of the fast exponential: off by some 1e-7 of the cap.
__device__ inline BentScore BendFast(const TileCall& call, float slope_of_head, int query, int key, float product) {
  BentScore bent{product * call.scale, call.scale};
  if (call.soft_cap > 0) {
    const float t = 1 - __fdividef(2, 1 + __expf(2 * fminf(bent.score / call.soft_cap, 40.0f)));
    bent = {call.soft_cap * t, call.scale * (1 - t * t)};
  }
  bent.score += slope_of_head * static_cast<float>(key - query);
  return bent;
}

__device__ inline float MostOfQuad(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

template <int kM, int kN>
__device__ inline void StoreRows(MmaSums<kM, kN>& sums, int row, int column, bf16* to, int64_t stride, int rows, int width) {
  sums.ForPairs(row, column, [&](int r, int c, float a, float b) {
    if (r < rows && c < width) *reinterpret_cast<__nv_bfloat162*>(to + r * stride + c) = __floats2bfloat162_rn(a, b);
  });
}

// One tile of queries of one head, as ForwardKernel.     grid : (tile numbers, heads)
template <int kWidth>
__global__ void __launch_bounds__(128)
    MmaForwardKernel(TileCall call, const bf16* q, const bf16* keys_of, const bf16* values_of, bf16* out, float* lse) {
  using Shape = MmaShape<kWidth>;
  constexpr int kDim = Shape::kDim, kCols = Shape::kForwardCols, kThreads_ = 128;
  unsigned char* memory = DynamicShared();
  const DocumentTile tile = FindTile<kMmaRows>(call, int64_t{gridDim.x} - 1 - blockIdx.x);
  if (!tile.exists) return;
  const int head = static_cast<int>(blockIdx.y), lane = static_cast<int>(threadIdx.x) % 32;
  const int row = static_cast<int>(threadIdx.x) / 32 * 16, rows = min(kMmaRows, tile.length - tile.first);
  const int64_t token = tile.begin + tile.first;
  const MmaTile<kDim> queries{reinterpret_cast<bf16*>(memory)};
  const auto passing = [&](int turn, bool values) {
    return MmaTile<kDim>{queries.at(kMmaRows + (turn % Shape::kStages * 2 + (values ? 1 : 0)) * kCols, 0)};
  };
  const bf16* k = keys_of + tile.begin * call.k.row + head / call.group * call.k.head;
  const bf16* v = values_of + tile.begin * call.v.row + head / call.group * call.v.head;
  const float slope = call.slopes == nullptr ? 0.0f : call.slopes[head];
  const int begin = FirstKey<true>(call, tile.first, kCols), end = tile.first + rows;
  const auto send = [&](int turn) {
    const int at = begin + turn * kCols;
    SendKeysAndValues<kCols, kDim, kThreads_>(call, k, v, at, end, passing(turn, false), passing(turn, true));
  };
  SendTile<kMmaRows, kDim, kThreads_>(q + token * call.q.row + head * call.q.head, call.q.row, rows, call.head_dim, queries);
  send(0);
  MmaSums<1, kDim / 8> sums;
  sums.Clear();
  float most[2], total[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    most[i] = call.sinks == nullptr ? -INFINITY : static_cast<float>(static_cast<const bf16*>(call.sinks)[head]);
    total[i] = call.sinks == nullptr ? 0.0f : 1.0f;
  }
  for (int turn = 0, at = begin; at < end; ++turn, at += kCols) {
    if (Shape::kStages > 1) {
      send(turn + 1);
      AwaitCopies<1>();
    } else {
      AwaitCopies<0>();
    }
    __syncthreads();
    MmaSums<1, kCols / 8> scores;
    scores.Clear();
    scores.template Add<Lies::kStraight, Lies::kTransposed>(queries, passing(turn, false), row, 0, 0,
                                                            (call.head_dim + 15) / 16 * 16);
    float next[2] = {most[0], most[1]};
#pragma unroll
    for (int n = 0; n < kCols / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int query = tile.first + row + lane / 4 + 8 * (e / 2), key = at + 8 * n + lane % 4 * 2 + e % 2;
        float& score = scores.at[0][n][e];
        score = Sees<true>(call, tile.length, query, key) ? BendFast(call, slope, query, key, score).score : -INFINITY;
        next[e / 2] = fmaxf(next[e / 2], score);
      }
    }
    float base[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      next[i] = MostOfQuad(next[i]);
      base[i] = next[i] == -INFINITY ? 0 : next[i];  // no key was seen yet
      const float shrink = __expf(most[i] - base[i]);
      most[i] = next[i];
      total[i] *= shrink;
#pragma unroll
      for (int n = 0; n < kDim / 8; ++n) {
        sums.at[0][n][2 * i] *= shrink;
        sums.at[0][n][2 * i + 1] *= shrink;
      }
    }
    float added[2] = {};
#pragma unroll
    for (int n = 0; n < kCols / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        float& score = scores.at[0][n][e];
        score = __expf(score - base[e / 2]);
        added[e / 2] += score;
      }
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) total[i] += SumOfQuad(added[i]);
    uint32_t weights[1][kCols / 16][4];
    AsOperand(scores, weights);
    sums.template AddHeld<Lies::kStraight>(weights, passing(turn, true), 0, 0);
    __syncthreads();
    if (Shape::kStages == 1) send(turn + 1);
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float factor = 1 / total[i];
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
      sums.at[0][n][2 * i] *= factor;
      sums.at[0][n][2 * i + 1] *= factor;
    }
    const int r = row + lane / 4 + 8 * i;
    if (lane % 4 == 0 && r < rows) lse[(token + r) * call.heads + head] = most[i] + logf(total[i]);
  }
  StoreRows(sums, row, 0, out + token * call.out.row + head * call.out.head, call.out.row, rows, call.value_dim);
}

// One tile of queries of one head, as QueryGradientKernel.     grid : (tile numbers, heads)
template <int kWidth, bool kSmall>
__global__ void __launch_bounds__(128)
    MmaQueryGradientKernel(TileCall call, const bf16* q, const bf16* keys_of, const bf16* values_of, const bf16* dout,
                           const float* lse, const float* delta, bf16* dq) {
  using Shape = MmaShape<kWidth, kSmall>;
  constexpr int kDim = Shape::kDim, kCols = Shape::kCols, kThreads_ = 128;
  unsigned char* memory = DynamicShared();
  const DocumentTile tile = FindTile<kMmaRows>(call, int64_t{gridDim.x} - 1 - blockIdx.x);
  if (!tile.exists) return;
  const int head = static_cast<int>(blockIdx.y), lane = static_cast<int>(threadIdx.x) % 32;
  const int row = static_cast<int>(threadIdx.x) / 32 * 16, rows = min(kMmaRows, tile.length - tile.first);
  const int64_t token = tile.begin + tile.first;
  const MmaTile<kDim> queries{reinterpret_cast<bf16*>(memory)}, douts{queries.at(kMmaRows, 0)};
  const auto passing = [&](int turn, bool values) {
    return MmaTile<kDim>{douts.at(kMmaRows + (turn % Shape::kTurns * 2 + (values ? 1 : 0)) * kCols, 0)};
  };
  const bf16* k = keys_of + tile.begin * call.k.row + head / call.group * call.k.head;
  const bf16* v = values_of + tile.begin * call.v.row + head / call.group * call.v.head;
  const float slope = call.slopes == nullptr ? 0.0f : call.slopes[head];
  const int begin = FirstKey<true>(call, tile.first, kCols), end = tile.first + rows;
  const auto send = [&](int turn) {
    const int at = begin + turn * kCols;
    SendKeysAndValues<kCols, kDim, kThreads_>(call, k, v, at, end, passing(turn, false), passing(turn, true));
  };
  SendTile<kMmaRows, kDim, kThreads_>(q + token * call.q.row + head * call.q.head, call.q.row, rows, call.head_dim, queries);
  SendTile<kMmaRows, kDim, kThreads_>(dout + token * call.dout.row + head * call.dout.head, call.dout.row, rows, call.value_dim,
                                      douts);
  send(0);
  float row_lse[2], row_delta[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int r = row + lane / 4 + 8 * i;
    const int64_t at = (token + r) * call.heads + head;
    row_lse[i] = r < rows ? lse[at] : 0;
    row_delta[i] = r < rows ? delta[at] : 0;
  }
  MmaSums<1, kDim / 8> sums;
  sums.Clear();
  for (int turn = 0, at = begin; at < end; ++turn, at += kCols) {
    if constexpr (Shape::kTurns > 1) {
      send(turn + 1);
      AwaitCopies<1>();
    } else {
      AwaitCopies<0>();
    }
    __syncthreads();
    MmaSums<1, kCols / 8> scores, dp;
    scores.Clear();
    dp.Clear();
    scores.template Add<Lies::kStraight, Lies::kTransposed>(queries, passing(turn, false), row, 0, 0,
                                                            (call.head_dim + 15) / 16 * 16);
    dp.template Add<Lies::kStraight, Lies::kTransposed>(douts, passing(turn, true), row, 0, 0, (call.value_dim + 15) / 16 * 16);
#pragma unroll
    for (int n = 0; n < kCols / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int query = tile.first + row + lane / 4 + 8 * (e / 2), key = at + 8 * n + lane % 4 * 2 + e % 2;
        const BentScore bent = BendFast(call, slope, query, key, scores.at[0][n][e]);
        scores.at[0][n][e] = Sees<true>(call, tile.length, query, key)
                                 ? __expf(bent.score - row_lse[e / 2]) * (dp.at[0][n][e] - row_delta[e / 2]) * bent.slope
                                 : 0.0f;
      }
    }
    uint32_t weights[1][kCols / 16][4];
    AsOperand(scores, weights);
    sums.template AddHeld<Lies::kStraight>(weights, passing(turn, false), 0, 0);
    __syncthreads();
    if constexpr (Shape::kTurns == 1) send(turn + 1);
  }
  StoreRows(sums, row, 0, dq + token * call.dq.row + head * call.dq.head, call.dq.row, rows, call.head_dim);
}

// One tile of keys of one key head, as KeyGradientKernel: over the query heads of the group in order and, for each, over the queries
// in order.     grid : (tile numbers, kv_heads)
template <int kWidth, bool kSmall>
__global__ void __launch_bounds__(128 * MmaShape<kWidth, kSmall>::kSplit)
    MmaKeyGradientKernel(TileCall call, const bf16* queries_of, const bf16* keys_of, const bf16* values_of, const bf16* dout,
                         const float* lse, const float* delta, bf16* dk_to, bf16* dv_to) {
  using Shape = MmaShape<kWidth, kSmall>;
  constexpr int kDim = Shape::kDim, kCols = Shape::kCols, kThreads_ = 128 * Shape::kSplit, kOwn = kDim / Shape::kSplit;
  __shared__ float2 numbers[2][kCols];  // lse and delta of the queries that pass
  unsigned char* memory = DynamicShared();
  const DocumentTile tile = FindTile<kMmaRows>(call, blockIdx.x);
  if (!tile.exists) return;
  const int kv_head = static_cast<int>(blockIdx.y), t = static_cast<int>(threadIdx.x), lane = t % 32;
  const int row = t / 32 % 4 * 16, column = t / 128 * kOwn, rows = min(kMmaRows, tile.length - tile.first);
  const int64_t token = tile.begin + tile.first;
  const MmaTile<kDim> keys{reinterpret_cast<bf16*>(memory)}, values{keys.at(kMmaRows, 0)};
  const auto passing = [&](int turn, bool of_dout) {
    return MmaTile<kDim>{values.at(kMmaRows + (turn % Shape::kTurns * 2 + (of_dout ? 1 : 0)) * kCols, 0)};
  };
  SendTile<kMmaRows, kDim, kThreads_>(keys_of + token * call.k.row + kv_head * call.k.head, call.k.row, rows, call.head_dim,
                                      keys);
  SendTile<kMmaRows, kDim, kThreads_>(values_of + token * call.v.row + kv_head * call.v.head, call.v.row, rows, call.value_dim,
                                      values);
  const int begin = tile.first / kCols * kCols, end = EndOfQueries<true>(call, tile.length, tile.first + rows - 1);
  const int steps = (end - begin + kCols - 1) / kCols, turns = steps * call.group;
  const auto send = [&](int turn) {
    if (turn < turns) {
      const int head = kv_head * call.group + turn / steps, at = begin + turn % steps * kCols;
      const int count = tile.length - at;
      const bf16* q = queries_of + (tile.begin + at) * call.q.row + head * call.q.head;
      const bf16* d = dout + (tile.begin + at) * call.dout.row + head * call.dout.head;
      SendTile<kCols, kDim, kThreads_>(q, call.q.row, count, call.head_dim, passing(turn, false));
      SendTile<kCols, kDim, kThreads_>(d, call.dout.row, count, call.value_dim, passing(turn, true));
      if (t < kCols) {
        const int64_t place = (tile.begin + at + t) * call.heads + head;
        numbers[turn % 2][t] = t < count ? make_float2(lse[place], delta[place]) : make_float2(0, 0);
      }
    }
    CloseCopies();
  };
  MmaSums<1, kOwn / 8> dk, dv;
  dk.Clear();
  dv.Clear();
  send(0);
  for (int turn = 0; turn < turns; ++turn) {
    const int head = kv_head * call.group + turn / steps, at = begin + turn % steps * kCols;
    const float slope = call.slopes == nullptr ? 0.0f : call.slopes[head];
    if constexpr (Shape::kTurns > 1) {
      send(turn + 1);
      AwaitCopies<1>();
    } else {
      AwaitCopies<0>();
    }
    __syncthreads();
    MmaSums<1, kCols / 8> p, ds;
    p.Clear();
    ds.Clear();
    p.template Add<Lies::kStraight, Lies::kTransposed>(keys, passing(turn, false), row, 0, 0, (call.head_dim + 15) / 16 * 16);
    ds.template Add<Lies::kStraight, Lies::kTransposed>(values, passing(turn, true), row, 0, 0, (call.value_dim + 15) / 16 * 16);
#pragma unroll
    for (int n = 0; n < kCols / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int of_query = 8 * n + lane % 4 * 2 + e % 2, query = at + of_query, key = tile.first + row + lane / 4 + 8 * (e / 2);
        const float2 number = numbers[turn % 2][of_query];
        const BentScore bent = BendFast(call, slope, query, key, p.at[0][n][e]);
        const float weight = Sees<true>(call, tile.length, query, key) ? __expf(bent.score - number.x) : 0.0f;
        p.at[0][n][e] = weight;
        ds.at[0][n][e] = weight * (ds.at[0][n][e] - number.y) * bent.slope;
      }
    }
    uint32_t weights[1][kCols / 16][4];
    AsOperand(ds, weights);
    dk.template AddHeld<Lies::kStraight>(weights, passing(turn, false), column, 0);
    AsOperand(p, weights);
    dv.template AddHeld<Lies::kStraight>(weights, passing(turn, true), column, 0);
    __syncthreads();
    if constexpr (Shape::kTurns == 1) send(turn + 1);
  }
  StoreRows(dk, row, column, dk_to + token * call.dk.row + kv_head * call.dk.head, call.dk.row, rows, call.head_dim);
  StoreRows(dv, row, column, dv_to + token * call.dv.row + kv_head * call.dv.head, call.dv.row, rows, call.value_dim);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_ATTENTION_MMA_CUH_
