// Mamba-2's state space in bf16 on tensor cores: the steps of state_space.cuh with products of bf16 and sums in fp32. What is rounded
// to bf16 are the state, P and rows times their factors, each where it becomes an operand.
//
//   prepare   each chunk and group by itself: c_i b_j, and factors of the tokens of the group's heads
//   pass      a block goes through a document with 32 columns of a head's state, in registers. Forward from the first chunk on
//               y = (C exp(G)) S + P X + d X         S' = exp(G_last) S + (B step exp(G_last - G))^T X        P_ij = D_ij step_j c_i b_j
//             and backward the same from the last one on, where b and c change places:
//               dX = (B step exp(G_last - G)) dS' + P^T dY + d dY         dS = exp(G_last) dS' + (C exp(G))^T dY
//   gather    each chunk and group, over the group's heads in order: db, dc, dg, dstep and parts of dd
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_STATE_MMA_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_STATE_MMA_CUH_

#include "core/cuda/launch.cuh"
#include "core/cuda/mma.cuh"
#include "core/cuda/views/mma_rows.cuh"
#include "core/device/args/recurrence.h"

namespace hlm::cuda {

struct StateMma {
  int heads, groups, head_dim, state_dim;
  bool aligned;  // all heads' rows begin at 16 bytes and are whole steps of them
  Lines<const bf16> x, b, c;
  const float *g, *step;  // [tokens, heads]
  const bf16* d;          // [heads]
  const ChunkPlace* table;
  const int* firsts;
  float4* factors;         // by token and head: exp(G), step exp(G_last - G), step, G
  float* lasts;            // exp(G_last), at the chunk's first token and the head
  bf16* both;              // c_i b_j: by token and group, a row of kChunk columns
  bf16 *states, *dstates;  // [slots, heads, slices, kRows, 32]; null where no backward pass follows

  __host__ __device__ int group() const { return heads / groups; }
  __host__ __device__ int slices() const { return (head_dim + kSlice - 1) / kSlice; }
  __device__ int64_t Row(int64_t token, int head) const { return token * heads + head; }
  template <int kRows>
  __device__ bf16* State(bf16* of, int first, int head, int slice) const {
    return of + ((int64_t{first / kChunk} * heads + head) * slices() + slice) * (kRows * kSlice);
  }
};

template <int kRows>
__global__ void __launch_bounds__(kMmaThreads) StateMmaPrepareKernel(StateMma p) {
  unsigned char* memory = DynamicShared();
  const MmaTile<kRows> b{reinterpret_cast<bf16*>(memory)}, c{b.at(kChunk, 0)};
  const ChunkPlace place = p.table[blockIdx.x];
  const int group = static_cast<int>(blockIdx.y), t = static_cast<int>(threadIdx.x), lane = t % kWarp, row = t / kWarp * 16;
  SendRows<kRows, kMmaThreads>(p.b, place, group, 0, p.state_dim, p.aligned, b);
  SendRows<kRows, kMmaThreads>(p.c, place, group, 0, p.state_dim, p.aligned, c);
  CloseCopies();
  for (int head = group * p.group() + t / kWarp; head < (group + 1) * p.group(); head += kMmaThreads / kWarp) {
    double sums[2];
    const double all = TwoSumsOfGates(p.g + p.Row(place.first, head), p.heads, place.rows, sums);
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int i = 2 * lane + e;
      if (i >= place.rows) continue;
      const int64_t at = p.Row(place.first + i, head);
      const float step = p.step[at], grown = Decay(sums[e]);
      p.factors[at] = make_float4(grown, step * Decay(all - sums[e]), step, static_cast<float>(sums[e]));
      if (i == place.rows - 1) p.lasts[p.Row(place.first, head)] = grown;
    }
  }
  AwaitCopies<0>();
  __syncthreads();
  MmaSums<1, kChunk / 8> both;
  both.Clear();
  both.template Add<Lies::kStraight, Lies::kTransposed>(c, b, row, 0, 0, kRows);
  both.ForPairs(row, 0, [&](int i, int j, float x, float y) {
    if (i >= place.rows) return;
    *reinterpret_cast<uint32_t*>(p.both + ((place.first + i) * int64_t{p.groups} + group) * kChunk + j) = Pair(x, y);
  });
}

template <int kRows>
struct StatePassShape {
  static constexpr int kWide = MmaTile<kRows>::Bytes(kChunk), kMatrix = MmaTile<kChunk>::Bytes(kChunk);
  static constexpr int kNarrow = MmaTile<kSlice>::Bytes(kChunk), kState = MmaTile<kSlice>::Bytes(kRows);
  static constexpr size_t kBytes = 2 * kWide + 2 * kMatrix + 2 * kNarrow + kState + kChunk * 16;
};

// in: x forward, dy backward. to.data null: states alone.
template <int kRows, bool kBackward>
__global__ void __launch_bounds__(kMmaThreads) StateMmaPassKernel(StateMma p, Lines<const bf16> in_of, Lines<bf16> to) {
  using Shape = StatePassShape<kRows>;
  unsigned char* memory = DynamicShared();
  auto* factors = reinterpret_cast<float4*>(memory);
  const MmaTile<kRows> with_state{reinterpret_cast<bf16*>(memory + kChunk * 16)}, to_state{with_state.at(kChunk, 0)};
  const MmaTile<kChunk> both{to_state.at(kChunk, 0)}, pairs{both.at(kChunk, 0)};
  const MmaTile<kSlice> in{pairs.at(kChunk, 0)}, scaled{in.at(kChunk, 0)}, state_of{scaled.at(kChunk, 0)};
  static_assert(Shape::kBytes == kChunk * 16 + 2 * Shape::kWide + 2 * Shape::kMatrix + 2 * Shape::kNarrow + Shape::kState);
  const int slice = static_cast<int>(blockIdx.x) % p.slices(), head = static_cast<int>(blockIdx.x) / p.slices() % p.heads;
  const int document = static_cast<int>(blockIdx.x) / p.slices() / p.heads, group = head / p.group(), column = slice * kSlice;
  const int t = static_cast<int>(threadIdx.x), warp = t / kWarp, row = 16 * warp, state_row = kRows / 4 * warp;
  const int first_chunk = p.firsts[document], chunks = p.firsts[document + 1] - first_chunk;
  const float d = static_cast<float>(p.d[head]);
  const auto number = [&](int turn) { return first_chunk + (kBackward ? chunks - 1 - turn : turn); };
  const auto send_first = [&](int turn) {
    if (turn < chunks) {
      const ChunkPlace place = p.table[number(turn)];
      if (t < kChunk) CopyAhead(factors + t, p.factors + p.Row(place.first + (t < place.rows ? t : 0), head), t < place.rows);
      SendRows<kRows, kMmaThreads>(kBackward ? p.b : p.c, place, group, 0, p.state_dim, p.aligned, with_state);
      SendRows<kSlice, kMmaThreads>(in_of, place, head, column, p.head_dim, p.aligned, in);
      SendOwn<kChunk, kMmaThreads>(p.both + (int64_t{place.first} * p.groups + group) * kChunk, int64_t{p.groups} * kChunk,
                                   place.rows, both);
    }
    CloseCopies();
  };
  const auto send_second = [&](int turn) {
    if (turn < chunks) {
      SendRows<kRows, kMmaThreads>(kBackward ? p.c : p.b, p.table[number(turn)], group, 0, p.state_dim, p.aligned, to_state);
    }
    CloseCopies();
  };
  MmaSums<kRows / 64, kSlice / 8> state;
  state.Clear();
  ClearSlice<kRows>(state_of);
  send_first(0);
  send_second(0);
  for (int turn = 0; turn < chunks; ++turn) {
    const ChunkPlace place = p.table[number(turn)];
    const float last = p.lasts[p.Row(place.first, head)];
    AwaitCopies<1>();
    __syncthreads();
    if (kBackward && place.behind) StoreSlice<kRows>(state_of, p.State<kRows>(p.dstates, place.first, head, slice));
    if (!kBackward && p.states != nullptr && place.before) {
      StoreSlice<kRows>(state_of, p.State<kRows>(p.states, place.first, head, slice));
    }
    for (int i = t; i < kChunk * kSlice / 2; i += kMmaThreads) {
      const int r = i / (kSlice / 2), c = i % (kSlice / 2) * 2;
      const float2 x = ReadTwo(in.at(r, c));
      const float factor = kBackward ? factors[r].x : factors[r].y;
      StorePair(scaled, r, c, factor * x.x, factor * x.y);
    }
    if (to.data != nullptr) {
      for (int i = t; i < kChunk * kChunk / 2; i += kMmaThreads) {
        const int r = i / (kChunk / 2), c = i % (kChunk / 2) * 2;
        const float2 x = ReadTwo(both.at(r, c));
        const float sum = factors[r].w;
        const bool there = r < place.rows;
        const float low = there && c <= r ? x.x * factors[c].z * expf(sum - factors[c].w) : 0.0f;
        const float high = there && c + 1 <= r ? x.y * factors[c + 1].z * expf(sum - factors[c + 1].w) : 0.0f;
        StorePair(pairs, r, c, low, high);
      }
    }
    __syncthreads();
    if (to.data != nullptr) {
      MmaSums<1, kSlice / 8> some;
      some.Clear();
      some.template Add<Lies::kStraight, Lies::kStraight>(with_state, state_of, row, 0, 0, kRows);
      some.ForPairs(row, 0, [&](int i, int, float& a, float& b) {
        const float factor = kBackward ? factors[i].y : factors[i].x;
        a *= factor, b *= factor;
      });
      if constexpr (kBackward) {
        some.template Add<Lies::kTransposed, Lies::kStraight>(pairs, in, row, 0, row, kChunk);
      } else {
        some.template Add<Lies::kStraight, Lies::kStraight>(pairs, in, row, 0, 0, row + 16);
      }
      some.ForPairs(row, 0, [&](int i, int c, float a, float b) {
        const float2 x = ReadTwo(in.at(i, c));
        if (i < place.rows) {
          WriteTwo(to.at(place.first + i, head), column + c, p.head_dim, p.aligned, a + d * x.x, b + d * x.y);
        }
      });
    }
    AwaitCopies<0>();
    __syncthreads();
    send_first(turn + 1);
    state.ForPairs(state_row, 0, [&](int, int, float& a, float& b) { a *= last, b *= last; });
    state.template Add<Lies::kTransposed, Lies::kStraight>(to_state, scaled, state_row, 0, 0, kChunk);
    __syncthreads();
    send_second(turn + 1);
    state.ForPairs(state_row, 0, [&](int r, int c, float a, float b) { StorePair(state_of, r, c, a, b); });
  }
}

struct StateMmaGradients {
  Lines<const bf16> dy;
  Lines<bf16> db, dc;
  float *dg, *dstep;  // [tokens, heads]
  float* dd;          // [chunks, heads]: parts of it
};

// Two places for a slice of values and states: one is computed with while the next is on its way.
template <int kRows>
struct StateGatherShape {
  static constexpr int kWide = MmaTile<kRows>::Bytes(kChunk), kMatrix = MmaTile<kChunk>::Bytes(kChunk);
  static constexpr int kNarrow = MmaTile<kGatherSlice>::Bytes(kChunk), kState = MmaTile<kGatherSlice>::Bytes(kRows);
  static constexpr int kStage = 2 * kNarrow + 2 * kState;
  static constexpr size_t kBytes = 2 * kWide + kMatrix + 2 * kStage;
};

// dg and dstep of a head come out of sums by row (of c_i, and of b_i with its factors but the step) and of Z_ij = dy_i x_j D_ij c_i b_j
// over columns.
template <int kRows>
__global__ void __launch_bounds__(kGatherThreads) StateMmaGatherKernel(StateMma p, StateMmaGradients g) {
  using Shape = StateGatherShape<kRows>;
  __shared__ float4 factors[kChunk];
  __shared__ float row_sums[2][kChunk], step_sums[2][kChunk], column_sums[4][kChunk], parts[2][kGatherThreads / kWarp];
  unsigned char* memory = DynamicShared();
  const MmaTile<kRows> b{reinterpret_cast<bf16*>(memory)}, c{b.at(kChunk, 0)};
  const MmaTile<kChunk> pairs{c.at(kChunk, 0)};
  unsigned char* const stages = memory + 2 * Shape::kWide + Shape::kMatrix;
  struct Stage {
    MmaTile<kGatherSlice> dy, x, state, dstate;
  };
  const auto stage_of = [&](int number) {
    unsigned char* at = stages + number % 2 * Shape::kStage;
    return Stage{{reinterpret_cast<bf16*>(at)},
                 {reinterpret_cast<bf16*>(at + Shape::kNarrow)},
                 {reinterpret_cast<bf16*>(at + 2 * Shape::kNarrow)},
                 {reinterpret_cast<bf16*>(at + 2 * Shape::kNarrow + Shape::kState)}};
  };
  const ChunkPlace place = p.table[blockIdx.x];
  const int group = static_cast<int>(blockIdx.y), first_head = group * p.group(), t = static_cast<int>(threadIdx.x);
  const int warp = t / kWarp, lane = t % kWarp, row = 16 * (warp % 4), side = warp / 4;
  const int wide_column = side * kRows / 2, token_column = side * kChunk / 2;
  const int slices = (p.slices() + 1) / 2;
  const auto send = [&](int number) {
    if (number < p.group() * slices) {
      const int head = first_head + number / slices, slice = number % slices * 2;
      const Stage stage = stage_of(number);
      SendRows<kGatherSlice, kGatherThreads>(g.dy, place, head, slice * kSlice, p.head_dim, p.aligned, stage.dy);
      SendRows<kGatherSlice, kGatherThreads>(p.x, place, head, slice * kSlice, p.head_dim, p.aligned, stage.x);
      const auto send_state = [&](bf16* of, bool there, const MmaTile<kGatherSlice>& to) {
        const auto from = [&](int at) { return p.State<kRows>(of, place.first, head, at); };
        SendTwoSlices<kRows>(of, from, slice, there ? p.slices() : 0, to);
      };
      send_state(p.states, place.before != 0, stage.state);
      send_state(p.dstates, place.behind != 0, stage.dstate);
    }
    CloseCopies();
  };
  SendRows<kRows, kGatherThreads>(p.b, place, group, 0, p.state_dim, p.aligned, b);
  SendRows<kRows, kGatherThreads>(p.c, place, group, 0, p.state_dim, p.aligned, c);
  send(0);
  send(1);
  AwaitCopies<1>();
  __syncthreads();
  MmaSums<1, kChunk / 16> both, dboth;
  both.Clear();
  dboth.Clear();
  both.template Add<Lies::kStraight, Lies::kTransposed>(c, b, row, token_column, 0, kRows);
  MmaSums<1, kRows / 16> db, dc;
  db.Clear();
  dc.Clear();
  int number = 0;
  for (int head = first_head; head < first_head + p.group(); ++head) {
    if (t < kChunk) factors[t] = t < place.rows ? p.factors[p.Row(place.first + t, head)] : make_float4(0, 0, 0, 0);
    MmaSums<1, kChunk / 16> of_pairs;
    of_pairs.Clear();
    float row_sum[2] = {}, step_sum[2] = {}, last = 0, skip = 0;
    for (int slice = 0; slice < slices; ++slice, ++number) {
      AwaitCopies<1>();
      __syncthreads();
      const Stage stage = stage_of(number);
      MmaSums<1, kRows / 16> some;
      // What the product gives to the sums of b or c, and to the rows' own sums.
      const auto give = [&](const MmaTile<kRows>& with, float low, float high, MmaSums<1, kRows / 16>& to, float(&sum)[2]) {
#pragma unroll
        for (int n = 0; n < kRows / 16; ++n) {
          const int r = row + lane / 4, column = wide_column + 8 * n + lane % 4 * 2;
          const float2 x = ReadTwo(with.at(r, column)), y = ReadTwo(with.at(r + 8, column));
          sum[0] += some.at[0][n][0] * x.x + some.at[0][n][1] * x.y;
          sum[1] += some.at[0][n][2] * y.x + some.at[0][n][3] * y.y;
#pragma unroll
          for (int e = 0; e < 4; ++e) to.at[0][n][e] += (e < 2 ? low : high) * some.at[0][n][e];
        }
      };
      const int r = row + lane / 4;
      if (place.before) {
        some.Clear();
        some.template Add<Lies::kStraight, Lies::kTransposed>(stage.dy, stage.state, row, wide_column, 0, kGatherSlice);
        give(c, factors[r].x, factors[r + 8].x, dc, row_sum);
      }
      if (place.behind) {
        some.Clear();
        some.template Add<Lies::kStraight, Lies::kTransposed>(stage.x, stage.dstate, row, wide_column, 0, kGatherSlice);
        give(b, factors[r].y, factors[r + 8].y, db, step_sum);
      }
      if (place.before && place.behind) {
        for (int i = t; i < kRows * kGatherSlice / 2; i += kGatherThreads) {
          const int at = i / (kGatherSlice / 2), column = i % (kGatherSlice / 2) * 2;
          const float2 x = ReadTwo(stage.state.at(at, column)), y = ReadTwo(stage.dstate.at(at, column));
          last += x.x * y.x + x.y * y.y;
        }
      }
      for (int i = t; i < kChunk * kGatherSlice / 2; i += kGatherThreads) {
        const int at = i / (kGatherSlice / 2), column = i % (kGatherSlice / 2) * 2;
        const float2 x = ReadTwo(stage.dy.at(at, column)), y = ReadTwo(stage.x.at(at, column));
        skip += x.x * y.x + x.y * y.y;
      }
      of_pairs.template Add<Lies::kStraight, Lies::kTransposed>(stage.dy, stage.x, row, token_column, 0, kGatherSlice);
      __syncthreads();
      send(number + 2);
    }
    row_sum[0] *= factors[row + lane / 4].x;
    row_sum[1] *= factors[row + lane / 4 + 8].x;
    float columns[kChunk / 16][2];
#pragma unroll
    for (int n = 0; n < kChunk / 16; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int i = row + lane / 4 + 8 * (e / 2), j = token_column + 8 * n + lane % 4 * 2 + e % 2;
        const float decay = j <= i && i < place.rows ? expf(factors[i].w - factors[j].w) : 0.0f;
        const float z = of_pairs.at[0][n][e] * decay, of_step = z * both.at[0][n][e];
        dboth.at[0][n][e] += z * factors[j].z;
        row_sum[e / 2] += of_step * factors[j].z;
        columns[n][e % 2] = e < 2 ? of_step : columns[n][e % 2] + of_step;
      }
    }
#pragma unroll
    for (int n = 0; n < kChunk / 16; ++n) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        float sum = columns[n][e];
#pragma unroll
        for (int step = 4; step < kWarp; step *= 2) sum += __shfl_xor_sync(kAllLanes, sum, step);
        if (lane < 4) column_sums[warp % 4][token_column + 8 * n + lane * 2 + e] = sum;
      }
    }
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const float of_row = SumOfQuad(row_sum[e]), of_step = SumOfQuad(step_sum[e]);
      if (lane % 4 == 0) {
        row_sums[side][row + lane / 4 + 8 * e] = of_row;
        step_sums[side][row + lane / 4 + 8 * e] = of_step;
      }
    }
    last = WarpSum(last);
    skip = WarpSum(skip);
    if (lane == 0) parts[0][warp] = last, parts[1][warp] = skip;
    __syncthreads();
    if (warp == 0) {
      // Two tokens a lane: g_t is in every sum from its own token's on.
      float gate[2], from_last = 0;
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int i = 2 * lane + e;
        const float of_b = step_sums[0][i] + step_sums[1][i];
        const float column = (column_sums[0][i] + column_sums[1][i]) + (column_sums[2][i] + column_sums[3][i]);
        const float step = factors[i].z, shrunk = factors[i].y;
        gate[e] = row_sums[0][i] + row_sums[1][i] - shrunk * of_b - step * column;
        from_last += shrunk * of_b;
        if (i < place.rows) {
          const float fall = expf(factors[place.rows - 1].w - factors[i].w);
          g.dstep[p.Row(place.first + i, head)] = fall * of_b + column;
        }
      }
      float states = 0, skips = 0;
#pragma unroll
      for (int w = 0; w < kGatherThreads / kWarp; ++w) states += parts[0][w], skips += parts[1][w];
      const float more = WarpSum(from_last) + states * factors[place.rows - 1].x;
      double from[2];
      SumsFromEachOn(gate, static_cast<double>(more), from);
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        if (2 * lane + e < place.rows) g.dg[p.Row(place.first + 2 * lane + e, head)] = static_cast<float>(from[e]);
      }
      if (lane == 0) g.dd[int64_t{blockIdx.x} * p.heads + head] = skips;
    }
    __syncthreads();
  }
  dboth.ForPairs(row, token_column, [&](int i, int j, float low, float high) { StorePair(pairs, i, j, low, high); });
  __syncthreads();
  dc.template Add<Lies::kStraight, Lies::kStraight>(pairs, b, row, wide_column, 0, row + 16);
  db.template Add<Lies::kTransposed, Lies::kStraight>(pairs, c, row, wide_column, row, kChunk);
  const auto write = [&](MmaSums<1, kRows / 16>& sums, const Lines<bf16>& to) {
    sums.ForPairs(row, wide_column, [&](int i, int k, float low, float high) {
      if (i < place.rows) WriteTwo(to.at(place.first + i, group), k, p.state_dim, p.aligned, low, high);
    });
  };
  write(dc, g.dc);
  write(db, g.db);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_STATE_MMA_CUH_
