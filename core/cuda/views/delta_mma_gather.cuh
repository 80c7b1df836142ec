// The last step of delta_mma.cuh: gradients of queries, keys, decays and betas. With Z = dout inside^T and W = dV inside^T:
//   dq_i += exp(G_i) dout_i S^T + sum over j of (beta_j D_ij Z_ij) k_j
//   dk_i += -exp(G_i) dV_i S^T + exp(G_last - G_i) beta_i inside_i dS'^T, and the pairs' part
//   dbeta_j = exp(G_last - G_j) inside_j dS'^T k_j + sum over i of (P_ij Z_ij - L0_ij W_ij)
// Each decay's gradient is what its sums G give, from its token on.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_GATHER_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_GATHER_CUH_

#include "core/cuda/views/delta_mma.cuh"

namespace hlm::cuda {

struct DeltaMmaGradients {
  explicit DeltaMmaGradients(const DeltaRuleBackwardArgs& a)
      : dout(a.dout, a.heads, a.value_dim),
        dv(a.dv, a.heads, a.value_dim),
        dq(a.dq, a.key_heads, a.key_dim),
        dk(a.dk, a.key_heads, a.key_dim),
        dg(a.dg),
        dbeta(a.dbeta) {}

  Lines<const bf16> dout, dv;
  Lines<bf16> dq, dk;
  float *dg, *dbeta;  // [tokens, heads]
};

// Two places for a slice of values and states: one is computed with while the next is on its way.
template <int kKeys>
struct DeltaGatherShape {
  static constexpr int kKeysTile = MmaTile<kKeys>::Bytes(kChunk), kMatrix = MmaTile<kChunk>::Bytes(kChunk);
  static constexpr int kRowsTile = MmaTile<kGatherSlice>::Bytes(kChunk), kState = MmaTile<kGatherSlice>::Bytes(kKeys);
  static constexpr int kStage = 3 * kRowsTile + 2 * kState;
  static constexpr size_t kBytes = 2 * kKeysTile + 2 * kMatrix + 2 * kStage;
};

template <int kKeys>
struct GatherStage {
  MmaTile<kGatherSlice> dout, dv, inside, state, dstate;
  __device__ explicit GatherStage(unsigned char* memory) {
    using Shape = DeltaGatherShape<kKeys>;
    dout.data = reinterpret_cast<bf16*>(memory);
    dv.data = reinterpret_cast<bf16*>(memory + Shape::kRowsTile);
    inside.data = reinterpret_cast<bf16*>(memory + 2 * Shape::kRowsTile);
    state.data = reinterpret_cast<bf16*>(memory + 3 * Shape::kRowsTile);
    dstate.data = reinterpret_cast<bf16*>(memory + 3 * Shape::kRowsTile + Shape::kState);
  }
};

// Columns from `column` on of what stands in the brackets of U.
__device__ inline void SendInside(const DeltaMma& p, const ChunkPlace& place, int head, int column,
                                  const MmaTile<kGatherSlice>& to) {
  const int64_t distance = int64_t{p.sizes.heads} * p.inside_width();
  const bf16* from = p.inside + p.Row(place.first, head) * p.inside_width();
  for (int i = static_cast<int>(threadIdx.x); i < kChunk * kGatherSlice / 8; i += kGatherThreads) {
    const int r = i / (kGatherSlice / 8), c = i % (kGatherSlice / 8) * 8;
    const bool there = r < place.rows && column + c < p.inside_width();
    CopyAhead(to.at(r, c), there ? from + r * distance + column + c : from, there);
  }
}

template <int kKeys>
__global__ void __launch_bounds__(kGatherThreads) DeltaMmaGatherKernel(DeltaMma p, DeltaMmaGradients g) {
  using Shape = DeltaGatherShape<kKeys>;
  __shared__ double sums[kChunk];
  __shared__ float beta[kChunk], grown[kChunk], shrunk[kChunk], of_q[kChunk], of_k[kChunk];
  __shared__ float row_sums[2][kChunk], key_sums[2][kChunk], column_sums[4][kChunk], parts[kGatherThreads / kWarp];
  unsigned char* memory = DynamicShared();
  const MmaTile<kKeys> q{reinterpret_cast<bf16*>(memory)}, k{q.at(kChunk, 0)};
  const MmaTile<kChunk> pairs{k.at(kChunk, 0)}, keys{pairs.at(kChunk, 0)};
  unsigned char* const stages = memory + 2 * Shape::kKeysTile + 2 * Shape::kMatrix;
  const DeltaSizes& s = p.sizes;
  const ChunkPlace place = p.table[blockIdx.x];
  const int key_head = static_cast<int>(blockIdx.y), first_head = key_head * s.group(), t = static_cast<int>(threadIdx.x);
  const int warp = t / kWarp, lane = t % kWarp, row = 16 * (warp % 4), side = warp / 4;
  const int key_column = side * kKeys / 2, token_column = side * kChunk / 2;
  const int slices = (s.slices() + 1) / 2;

  // The slices of all heads, one after the other.
  const auto send = [&](int number) {
    if (number < s.group() * slices) {
      const int head = first_head + number / slices, slice = number % slices * 2;
      const GatherStage<kKeys> stage(stages + number % 2 * Shape::kStage);
      SendRows<kGatherSlice, kGatherThreads>(g.dout, place, head, slice * kSlice, s.value_dim, p.aligned, stage.dout);
      SendRows<kGatherSlice, kGatherThreads>(g.dv, place, head, slice * kSlice, s.value_dim, p.aligned, stage.dv);
      SendInside(p, place, head, slice * kSlice, stage.inside);
      const auto send_state = [&](bf16* of, bool there, const MmaTile<kGatherSlice>& to) {
        const auto from = [&](int at) { return p.State<kKeys>(of, place.first, head, at); };
        SendTwoSlices<kKeys>(of, from, slice, there ? s.slices() : 0, to);
      };
      send_state(p.states, place.before != 0, stage.state);
      send_state(p.dstates, place.behind != 0, stage.dstate);
    }
    CloseCopies();
  };

  SendRows<kKeys, kGatherThreads>(p.q, place, key_head, 0, s.key_dim, p.aligned, q);
  SendRows<kKeys, kGatherThreads>(p.k, place, key_head, 0, s.key_dim, p.aligned, k);
  send(0);
  send(1);
  AwaitCopies<1>();
  __syncthreads();
  RowFactors(q, place.rows, s.epsilon, 1, of_q);
  RowFactors(k, place.rows, s.epsilon, 1, of_k);
  __syncthreads();
  for (int i = t; i < kChunk * kKeys / 2; i += kGatherThreads) {  // unit rows from here on
    const int r = i / (kKeys / 2), c = i % (kKeys / 2) * 2;
    const float2 x = ReadTwo(q.at(r, c)), y = ReadTwo(k.at(r, c));
    StorePair(q, r, c, x.x * of_q[r], x.y * of_q[r]);
    StorePair(k, r, c, y.x * of_k[r], y.y * of_k[r]);
  }
  __syncthreads();
  MmaSums<1, kChunk / 16> queries, both_keys;
  queries.Clear();
  both_keys.Clear();
  queries.template Add<Lies::kStraight, Lies::kTransposed>(q, k, row, token_column, 0, kKeys);
  both_keys.template Add<Lies::kStraight, Lies::kTransposed>(k, k, row, token_column, 0, kKeys);

  MmaSums<1, kKeys / 16> dq, dk;
  dq.Clear();
  dk.Clear();
  int number = 0;
  for (int head = first_head; head < first_head + s.group(); ++head) {
    LoadGates(p, place, head, sums, beta);
    if (t < kChunk) {
      grown[t] = t < place.rows ? Decay(sums[t]) : 0.0f;
      shrunk[t] = t < place.rows ? Decay(sums[place.rows - 1] - sums[t]) : 0.0f;
    }
    MmaSums<1, kChunk / 16> of_pairs, of_keys;  // Z, W
    of_pairs.Clear();
    of_keys.Clear();
    float last = 0;
    float row_sum[2] = {}, key_sum[2] = {};  // of the lane's rows: what G_i gets, and inside_i dS'^T k_i decayed
    for (int slice = 0; slice < slices; ++slice, ++number) {
      AwaitCopies<1>();
      __syncthreads();
      const GatherStage<kKeys> stage(stages + number % 2 * Shape::kStage);
      MmaSums<1, kKeys / 16> some;
      const auto dots = [&](const MmaTile<kKeys>& with, float(&to)[2], const float* factors, float sign) {
#pragma unroll
        for (int n = 0; n < kKeys / 16; ++n) {
          const int r = row + lane / 4, c = key_column + 8 * n + lane % 4 * 2;
          const float2 x = ReadTwo(with.at(r, c)), y = ReadTwo(with.at(r + 8, c));
          to[0] += sign * factors[r] * (some.at[0][n][0] * x.x + some.at[0][n][1] * x.y);
          to[1] += sign * factors[r + 8] * (some.at[0][n][2] * y.x + some.at[0][n][3] * y.y);
        }
      };
      if (place.before) {
        some.Clear();
        some.template Add<Lies::kStraight, Lies::kTransposed>(stage.dout, stage.state, row, key_column, 0, kGatherSlice);
        some.ForPairs(row, key_column, [&](int, int, float& a, float& b) { a *= s.scale, b *= s.scale; });
        dots(q, row_sum, grown, 1);
        const float low = grown[row + lane / 4], high = grown[row + lane / 4 + 8];
#pragma unroll
        for (int n = 0; n < kKeys / 16; ++n) {
#pragma unroll
          for (int e = 0; e < 4; ++e) dq.at[0][n][e] += (e < 2 ? low : high) * some.at[0][n][e];
        }
        some.Clear();
        some.template Add<Lies::kStraight, Lies::kTransposed>(stage.dv, stage.state, row, key_column, 0, kGatherSlice);
        dots(k, row_sum, grown, -1);
#pragma unroll
        for (int n = 0; n < kKeys / 16; ++n) {
#pragma unroll
          for (int e = 0; e < 4; ++e) dk.at[0][n][e] -= (e < 2 ? low : high) * some.at[0][n][e];
        }
      }
      if (place.behind) {
        some.Clear();
        some.template Add<Lies::kStraight, Lies::kTransposed>(stage.inside, stage.dstate, row, key_column, 0, kGatherSlice);
        dots(k, key_sum, shrunk, 1);
        const int r = row + lane / 4;
        const float low = shrunk[r] * beta[r], high = shrunk[r + 8] * beta[r + 8];
#pragma unroll
        for (int n = 0; n < kKeys / 16; ++n) {
#pragma unroll
          for (int e = 0; e < 4; ++e) dk.at[0][n][e] += (e < 2 ? low : high) * some.at[0][n][e];
        }
      }
      if (place.before && place.behind) {
        for (int i = t; i < kKeys * kGatherSlice / 2; i += kGatherThreads) {
          const int r = i / (kGatherSlice / 2), c = i % (kGatherSlice / 2) * 2;
          const float2 x = ReadTwo(stage.state.at(r, c)), y = ReadTwo(stage.dstate.at(r, c));
          last += x.x * y.x + x.y * y.y;
        }
      }
      of_pairs.template Add<Lies::kStraight, Lies::kTransposed>(stage.dout, stage.inside, row, token_column, 0, kGatherSlice);
      of_keys.template Add<Lies::kStraight, Lies::kTransposed>(stage.dv, stage.inside, row, token_column, 0, kGatherSlice);
      __syncthreads();
      send(number + 2);
    }
    // Pairs: their part of G and beta, and as matrices what dq and dk get of them.
    float columns[kChunk / 16][2];
#pragma unroll
    for (int n = 0; n < kChunk / 16; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int i = row + lane / 4 + 8 * (e / 2), j = token_column + 8 * n + lane % 4 * 2 + e % 2;
        const float decay = j <= i && i < place.rows ? Decay(sums[i] - sums[j]) : 0.0f;
        const float z = of_pairs.at[0][n][e] * decay * s.scale, w = j < i ? of_keys.at[0][n][e] * decay : 0.0f;
        const float both = z * queries.at[0][n][e] - w * both_keys.at[0][n][e];
        row_sum[e / 2] += beta[j] * both;
        columns[n][e % 2] = e < 2 ? both : columns[n][e % 2] + both;
        *pairs.at(i, j) = static_cast<bf16>(beta[j] * z);
        const bf16 of_both = static_cast<bf16>(-beta[j] * w);
        if (j < i) *keys.at(i, j) = *keys.at(j, i) = of_both;  // k_i k_j is of both
        if (j == i) *keys.at(i, i) = static_cast<bf16>(0.0f);
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
      const float of_row = SumOfQuad(row_sum[e]), of_key = SumOfQuad(key_sum[e]);
      if (lane % 4 == 0) {
        row_sums[side][row + lane / 4 + 8 * e] = of_row;
        key_sums[side][row + lane / 4 + 8 * e] = of_key;
      }
    }
    last = WarpSum(last);
    if (lane == 0) parts[warp] = last;
    __syncthreads();
    dq.template Add<Lies::kStraight, Lies::kStraight>(pairs, k, row, key_column, 0, row + 16);
    MmaSums<1, kKeys / 16>& to_k = dk;
    to_k.template Add<Lies::kTransposed, Lies::kStraight>(pairs, q, row, key_column, row, kChunk);
    to_k.template Add<Lies::kStraight, Lies::kStraight>(keys, k, row, key_column, 0, kChunk);
    if (warp == 0) {
      // Two tokens a lane: g_t is in every sum from its own token's on.
      float gate[2], shrinks = 0;
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int i = 2 * lane + e;
        const float key = key_sums[0][i] + key_sums[1][i];
        const float column = (column_sums[0][i] + column_sums[1][i]) + (column_sums[2][i] + column_sums[3][i]);
        gate[e] = row_sums[0][i] + row_sums[1][i] - beta[i] * (key + column);
        shrinks += beta[i] * key;
        if (i < place.rows) g.dbeta[p.Row(place.first + i, head)] = key + column;
      }
      shrinks = WarpSum(shrinks);
      float states = 0;
#pragma unroll
      for (int w = 0; w < kGatherThreads / kWarp; ++w) states += parts[w];
      double from[2];
      SumsFromEachOn(gate, static_cast<double>(shrinks + states * grown[place.rows - 1]), from);
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        if (2 * lane + e < place.rows) g.dg[p.Row(place.first + 2 * lane + e, head)] = static_cast<float>(from[e]);
      }
    }
    __syncthreads();
  }

  // Of n = x / |x|: (d - n (n d)) / |x|.
  const auto write = [&](MmaSums<1, kKeys / 16>& d, const MmaTile<kKeys>& unit, const float* inverse, const Lines<bf16>& to) {
    float dot[2] = {};
#pragma unroll
    for (int n = 0; n < kKeys / 16; ++n) {
      const int r = row + lane / 4, c = key_column + 8 * n + lane % 4 * 2;
      const float2 x = ReadTwo(unit.at(r, c)), y = ReadTwo(unit.at(r + 8, c));
      dot[0] += d.at[0][n][0] * x.x + d.at[0][n][1] * x.y;
      dot[1] += d.at[0][n][2] * y.x + d.at[0][n][3] * y.y;
    }
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const float sum = SumOfQuad(dot[e]);
      if (lane % 4 == 0) row_sums[side][row + lane / 4 + 8 * e] = sum;
    }
    __syncthreads();
    d.ForPairs(row, key_column, [&](int r, int c, float a, float b) {
      const float all = row_sums[0][r] + row_sums[1][r];
      const float2 n = ReadTwo(unit.at(r, c));
      if (r < place.rows) {
        WriteTwo(to.at(place.first + r, key_head), c, s.key_dim, p.aligned, (a - all * n.x) * inverse[r],
                 (b - all * n.y) * inverse[r]);
      }
    });
    __syncthreads();
  };
  write(dq, q, of_q, g.dq);
  write(dk, k, of_k, g.dk);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_GATHER_CUH_
