// The last step of delta_channel_mma.cuh: gradients of queries, keys, decays and betas. With Z = dout inside^T and W = dV inside^T, of
// which beta_j Z_ij is the gradient of P_ij and -beta_j W_ij that of L0_ij:
//   dq_i = exp(G_i) (dout_i S^T) + sum over j of P's gradient times what q_i meets there
//   dk_i = -exp(G_i) (dV_i S^T) + exp(G_last - G_i) (beta_i inside_i dS'^T) + the same of pairs
//   dbeta_j = (K exp(G_last - G))_j (inside_j dS'^T) + sum over i of (P_ij Z_ij - L0_ij W_ij)
//   dG = q dq + k (dk of what grows with G) - k (dk of what shrinks with it), channel by channel, and of G_last what enters the state
// Each decay's gradient is what its sums G give, from its token on. Pairs are told apart as in delta_channel_prepare.cuh: those of
// different runs are products of tiles, those of one run are a thread's for a channel, in fp32.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_GATHER_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_GATHER_CUH_

#include "core/cuda/views/delta_channel_prepare.cuh"
#include "core/cuda/views/delta_mma_gather.cuh"

namespace hlm::cuda {

template <int kKeys>
struct ChannelGatherShape {
  static constexpr int kKeysTile = MmaTile<kKeys>::Bytes(kChunk), kSums = DecaySums<kKeys>::Bytes();
  static constexpr int kMatrix = MmaTile<kChunk>::Bytes(kChunk), kWithin = kChunk * kRun * static_cast<int>(sizeof(float));
  static constexpr int kStage = DeltaGatherShape<kKeys>::kStage;
  // For the whole of the kernel, and for one part of it after the other: slices of values and states; operands of pairs of different
  // runs, gradients of sums and queries.
  static constexpr int kFixed = 2 * kKeysTile + kSums + 2 * kMatrix + 2 * kWithin;
  static constexpr size_t kBytes = kFixed + std::max(2 * kStage, 3 * kKeysTile + 2 * kSums);
};

// A channel of a run: sums, queries and keys, and gradients.
struct ChannelOfRun {
  float sums[kRun], q[kRun], k[kRun];
  float dq[kRun], dk[kRun], gate[kRun];
};
// Pairs that differ first in the bit kHalf. queries, keys [kRun, kRun]: gradients of P and L0.
template <int kHalf>
__device__ inline void AddPairsOfHalves(ChannelOfRun& x, const float* queries, const float* keys) {
#pragma unroll
  for (int begin = 0; begin < kRun; begin += 2 * kHalf) {
    const float between = x.sums[begin + kHalf - 1];
    float decays[kHalf], early[kHalf], back[kHalf] = {};
#pragma unroll
    for (int j = 0; j < kHalf; ++j) {
      decays[j] = j == kHalf - 1 ? 1.0f : FastExp2(between - x.sums[begin + j]);
      early[j] = x.k[begin + j] * decays[j];
    }
#pragma unroll
    for (int i = begin + kHalf; i < begin + 2 * kHalf; ++i) {
      const float decay = FastExp2(x.sums[i] - between), q = x.q[i] * decay, k = x.k[i] * decay;
      float of_q = 0, of_k = 0;
#pragma unroll
      for (int j = 0; j < kHalf; ++j) {
        const float z = queries[i * kRun + begin + j], w = keys[i * kRun + begin + j];
        of_q = fmaf(z, early[j], of_q);
        of_k = fmaf(w, early[j], of_k);
        back[j] = fmaf(z, q, fmaf(w, k, back[j]));
      }
      x.dq[i] = fmaf(decay, of_q, x.dq[i]);
      x.dk[i] = fmaf(decay, of_k, x.dk[i]);
      x.gate[i] += q * of_q + k * of_k;
    }
#pragma unroll
    for (int j = 0; j < kHalf; ++j) {
      x.dk[begin + j] = fmaf(decays[j], back[j], x.dk[begin + j]);
      x.gate[begin + j] -= early[j] * back[j];
    }
  }
}

// Operands of pairs of different runs: of the chunk's halves, and of two neighbouring runs. Later rows of queries lie without gaps.
template <int kKeys>
struct FarTiles {
  MmaTile<kKeys> k_halves, k_runs, q_halves, q_runs;
  __device__ explicit FarTiles(bf16* memory) : k_halves{memory}, k_runs{k_halves.at(kChunk, 0)} {
    q_halves.data = k_runs.at(kChunk, 0);
    q_runs.data = q_halves.at(kChunk / 2, 0);
  }
  // Of a later token.
  __device__ bf16* QueryOfHalves(int i, int c) const { return q_halves.at(i - kChunk / 2, c); }
  __device__ bf16* QueryOfRuns(int i, int c) const { return q_runs.at(i / (2 * kRun) * kRun + i % kRun, c); }
};
// What decays between a token and the end of the chunk's first half, or of the earlier one of its two neighbouring runs.
template <int kKeys>
__device__ float2 DecaysToHalf(const DecaySums<kKeys>& sums, int row, int c) {
  const int run = row / kRun;
  float2 sum = run >= 2 ? sums.two(row, c) : sums.all(run, c) - sums.two(row, c);
  if (run == 3) sum = sum + sums.all(2, c);
  if (run == 0) sum = sum + sums.all(1, c);
  return Decays(sum);
}
template <int kKeys>
__device__ float2 DecaysToRun(const DecaySums<kKeys>& sums, int row, int c) {
  const int run = row / kRun;
  return Decays(run % 2 == 1 ? sums.two(row, c) : sums.all(run, c) - sums.two(row, c));
}

template <int kKeys>
__global__ void __launch_bounds__(kGatherThreads) ChannelGatherKernel(ChannelDelta p, DeltaMmaGradients g) {
  using Shape = ChannelGatherShape<kKeys>;
  using Sums = MmaSums<1, kKeys / 16>;
  __shared__ float beta[kChunk], of_q[kChunk], of_k[kChunk], unit_of_q[kChunk];
  __shared__ float row_sums[2][kChunk], column_sums[4][kChunk], end_sums[4][kKeys], of_end[kKeys];
  unsigned char* memory = DynamicShared();
  const MmaTile<kKeys> q{reinterpret_cast<bf16*>(memory)}, k{q.at(kChunk, 0)};
  const DecaySums<kKeys> sums{reinterpret_cast<float*>(k.at(kChunk, 0))};
  const MmaTile<kChunk> of_pairs{reinterpret_cast<bf16*>(memory + 2 * Shape::kKeysTile + Shape::kSums)},
      of_keys{of_pairs.at(kChunk, 0)};
  float* const pairs_within = reinterpret_cast<float*>(of_keys.at(kChunk, 0));
  float* const keys_within = pairs_within + kChunk * kRun;
  unsigned char* const rest = memory + Shape::kFixed;
  const FarTiles<kKeys> far(reinterpret_cast<bf16*>(rest));
  const DecaySums<kKeys> gates{reinterpret_cast<float*>(rest + 3 * Shape::kKeysTile)};
  const DecaySums<kKeys> queries_back{reinterpret_cast<float*>(rest + 3 * Shape::kKeysTile + Shape::kSums)};
  const ChunkKeys<kKeys> in{q, k, sums, of_q, of_k};
  const DeltaSizes& s = p.sizes;
  const ChunkPlace place = p.table[blockIdx.x];
  const int head = static_cast<int>(blockIdx.y), t = static_cast<int>(threadIdx.x);
  const int warp = t / kWarp, lane = t % kWarp, row = 16 * (warp % 4), side = warp / 4, run = warp % 4;
  const int key_column = side * kKeys / 2, token_column = side * kChunk / 2, slices = (s.slices() + 1) / 2;

  const auto send = [&](int slice) {
    if (slice < slices) {
      const int column = slice * kGatherSlice;
      const GatherStage<kKeys> stage(rest + slice % 2 * Shape::kStage);
      SendRows<kGatherSlice, kGatherThreads>(g.dout, place, head, column, s.value_dim, p.aligned, stage.dout);
      SendRows<kGatherSlice, kGatherThreads>(g.dv, place, head, column, s.value_dim, p.aligned, stage.dv);
      SendInside(p, place, head, column, stage.inside);
      const auto send_state = [&](bf16* of, bool there, const MmaTile<kGatherSlice>& to) {
        const auto from = [&](int at) { return p.State<kKeys>(of, place.first, head, at); };
        SendTwoSlices<kKeys>(of, from, 2 * slice, there ? s.slices() : 0, to);
      };
      send_state(p.states, place.before != 0, stage.state);
      send_state(p.dstates, place.behind != 0, stage.dstate);
    }
    CloseCopies();
  };
  SendRows<kKeys, kGatherThreads>(p.q, place, head, 0, s.key_dim, p.aligned, q);
  SendRows<kKeys, kGatherThreads>(p.k, place, head, 0, s.key_dim, p.aligned, k);
  send(0);
  send(1);
  LoadDecaySums<kKeys, kGatherThreads>(p, place, head, sums);
  if (t < kChunk) beta[t] = t < place.rows ? p.beta[p.Row(place.first + t, head)] : 0.0f;

  // All that slices of values give, before decays.
  Sums dq, dk, from_end;  // dout S^T, dV S^T, inside dS'^T
  MmaSums<1, kChunk / 16> z, w;
  dq.Clear();
  dk.Clear();
  from_end.Clear();
  z.Clear();
  w.Clear();
  float states = 0;  // of a row of the state and of its gradient behind the chunk, a part of their product
  constexpr int kParts = kGatherThreads / kKeys;
  for (int slice = 0; slice < slices; ++slice) {
    AwaitCopies<1>();
    __syncthreads();
    const GatherStage<kKeys> stage(rest + slice % 2 * Shape::kStage);
    if (place.before) {
      dq.template Add<Lies::kStraight, Lies::kTransposed>(stage.dout, stage.state, row, key_column, 0, kGatherSlice);
      dk.template Add<Lies::kStraight, Lies::kTransposed>(stage.dv, stage.state, row, key_column, 0, kGatherSlice);
    }
    if (place.behind) {
      from_end.template Add<Lies::kStraight, Lies::kTransposed>(stage.inside, stage.dstate, row, key_column, 0, kGatherSlice);
    }
    if (place.before && place.behind) {
#pragma unroll 4
      for (int c = t % kParts * 2; c < kGatherSlice; c += kParts * 2) {
        const float2 both = ReadTwo(stage.state.at(t / kParts, c)) * ReadTwo(stage.dstate.at(t / kParts, c));
        states += both.x + both.y;
      }
    }
    z.template Add<Lies::kStraight, Lies::kTransposed>(stage.dout, stage.inside, row, token_column, 0, kGatherSlice);
    w.template Add<Lies::kStraight, Lies::kTransposed>(stage.dv, stage.inside, row, token_column, 0, kGatherSlice);
    __syncthreads();
    send(slice + 2);
  }
  states = WarpSum(states, kParts);
  if (t % kParts == 0) of_end[t / kParts] = states;
  RowFactors(q, place.rows, s.epsilon, 1, unit_of_q);
  RowFactors(k, place.rows, s.epsilon, 1, of_k);
  __syncthreads();
  if (t < kChunk) of_q[t] = unit_of_q[t] * s.scale;

    // Gradients of P and L0, and what they are themselves of beta's.
#pragma unroll
  for (int n = 0; n < kChunk / 16; ++n) {
    const int j = token_column + 8 * n + lane % 4 * 2;
    float2 column = {0, 0};
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int i = row + lane / 4 + 8 * e;
      const float2 of_p = {z.at[0][n][2 * e], z.at[0][n][2 * e + 1]}, of_l = {w.at[0][n][2 * e], w.at[0][n][2 * e + 1]};
      const float2 betas = {beta[j], beta[j + 1]}, x = betas * of_p, y = float2{-betas.x, -betas.y} * of_l;
      StorePair(of_pairs, i, j, x.x, x.y);
      StorePair(of_keys, i, j, y.x, y.y);
      if (i / kRun == j / kRun) {
        *reinterpret_cast<float2*>(pairs_within + i * kRun + j % kRun) = x;
        *reinterpret_cast<float2*>(keys_within + i * kRun + j % kRun) = y;
      }
      if (i < place.rows && j / kRun <= i / kRun) {
        const int64_t at = p.Row(place.first + i, head) * kChunk + j;
        column = column + ReadTwo(p.pairs + at) * of_p - ReadTwo(p.keys + at) * of_l;
      }
    }
#pragma unroll
    for (int step = 4; step < kWarp; step *= 2) {
      column.x += __shfl_xor_sync(kAllLanes, column.x, step);
      column.y += __shfl_xor_sync(kAllLanes, column.y, step);
    }
    if (lane < 4) *reinterpret_cast<float2*>(&column_sums[run][j]) = column;
  }
  __syncthreads();

  // What is of the states. `gates`: of G, without what G_last gets.
  float key_sum[2] = {};
#pragma unroll
  for (int n = 0; n < kKeys / 16; ++n) {
    const int c = key_column + 8 * n + lane % 4 * 2;
    float2 before = {0, 0}, behind = {0, 0}, end = {0, 0};
#pragma unroll
    for (int other = 0; other < kRuns; ++other) {
      if (other < run) before = before + sums.all(other, c);
      if (other > run) behind = behind + sums.all(other, c);
    }
    const float2 all = sums.all(run, c);
    if (warp % 4 == 0 && lane < 4) {
      const float2 last = Decays(before + all + behind);
      of_end[c] *= last.x, of_end[c + 1] *= last.y;
    }
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int i = row + lane / 4 + 8 * e;
      const float2 sum = sums.two(i, c), grown = Decays(before + sum), shrunk = Decays(all - sum + behind);
      const float2 x = in.Query(i, c), y = in.Key(i, c);
      const auto at = [&](Sums& of) -> float2 { return {of.at[0][n][2 * e], of.at[0][n][2 * e + 1]}; };
      const auto set = [&](Sums& of, float2 to) { of.at[0][n][2 * e] = to.x, of.at[0][n][2 * e + 1] = to.y; };
      const float2 query = grown * at(dq), key = grown * at(dk), shrinks = shrunk * at(from_end);
      const float2 betas = {beta[i], beta[i]}, entered = betas * shrinks, of_key = y * shrinks;
      key_sum[e] += of_key.x + of_key.y;
      end = end + betas * of_key;
      set(dq, query);
      set(dk, entered - key);
      gates.two(i, c) = x * query - y * (key + entered);
    }
#pragma unroll
    for (int step = 4; step < kWarp; step *= 2) {
      end.x += __shfl_xor_sync(kAllLanes, end.x, step);
      end.y += __shfl_xor_sync(kAllLanes, end.y, step);
    }
    if (lane < 4) *reinterpret_cast<float2*>(&end_sums[run][c]) = end;
  }
#pragma unroll
  for (int e = 0; e < 2; ++e) {
    const float sum = SumOfQuad(key_sum[e]);
    if (lane % 4 == 0) row_sums[side][row + lane / 4 + 8 * e] = sum;
  }

  // Pairs of different runs.
  for (int i = t; i < kChunk * kKeys / 2; i += kGatherThreads) {
    const int r = i / (kKeys / 2), c = i % (kKeys / 2) * 2;
    const float2 x = in.Query(r, c), y = in.Key(r, c), half = DecaysToHalf(sums, r, c), pair = DecaysToRun(sums, r, c);
    const auto put = [](bf16* to, float2 two) { *reinterpret_cast<uint32_t*>(to) = Pair(two); };
    put(far.k_halves.at(r, c), y * half);
    put(far.k_runs.at(r, c), y * pair);
    if (r >= kChunk / 2) put(far.QueryOfHalves(r, c), x * half);
    if (r / kRun % 2 == 1) put(far.QueryOfRuns(r, c), x * pair);
  }
  __syncthreads();
  // keys, queries: the operands; later rows' queries as if the tile had all rows. [early, late): the tokens that the warp's meet.
  const auto add_pairs = [&](bool later, int begin, int end, const MmaTile<kKeys>& keys, const MmaTile<kKeys>& queries,
                             const auto& decays_of) {
    Sums first, second;
    first.Clear();
    second.Clear();
    if (later) {
      first.template Add<Lies::kStraight, Lies::kStraight>(of_pairs, keys, row, key_column, begin, end);
      second.template Add<Lies::kStraight, Lies::kStraight>(of_keys, keys, row, key_column, begin, end);
    } else {
      second.template Add<Lies::kTransposed, Lies::kStraight>(of_pairs, queries, row, key_column, begin, end);
      second.template Add<Lies::kTransposed, Lies::kStraight>(of_keys, keys, row, key_column, begin, end);
    }
#pragma unroll
    for (int n = 0; n < kKeys / 16; ++n) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int i = row + lane / 4 + 8 * e, c = key_column + 8 * n + lane % 4 * 2;
        const float2 decays = decays_of(i, c), key = ReadTwo(keys.at(i, c));
        const float2 x = {first.at[0][n][2 * e], first.at[0][n][2 * e + 1]};
        const float2 y = {second.at[0][n][2 * e], second.at[0][n][2 * e + 1]};
        // As the operands have them: what a pair gives the one's sum it takes from the other's.
        const float2 query = later ? ReadTwo(queries.at(i, c)) : float2{0, 0};
        const float2 sum = later ? query * x + key * y : float2{0, 0} - key * y;
        dq.at[0][n][2 * e] += decays.x * x.x, dq.at[0][n][2 * e + 1] += decays.y * x.y;
        dk.at[0][n][2 * e] += decays.x * y.x, dk.at[0][n][2 * e + 1] += decays.y * y.y;
        gates.two(i, c) = gates.two(i, c) + sum;
      }
    }
  };
  {
    const bool later = run >= 2;
    add_pairs(later, later ? 0 : kChunk / 2, later ? kChunk / 2 : kChunk, far.k_halves,
              {far.q_halves.data - kChunk / 2 * far.q_halves.kPitch}, [&](int i, int c) { return DecaysToHalf(sums, i, c); });
  }
  {
    const bool later = run % 2 == 1;
    const int begin = row + (later ? -kRun : kRun), gap = (run / 2 + 1) * kRun;
    add_pairs(later, begin, begin + kRun, far.k_runs, {far.q_runs.data - gap * far.q_runs.kPitch},
              [&](int i, int c) { return DecaysToRun(sums, i, c); });
  }
  dq.ForPairs(row, key_column, [&](int i, int c, float a, float b) { queries_back.two(i, c) = {a, b}; });
  if (t < kChunk && t < place.rows) {
    g.dbeta[p.Row(place.first + t, head)] =
        (row_sums[0][t] + row_sums[1][t]) + (column_sums[0][t] + column_sums[1][t]) + (column_sums[2][t] + column_sums[3][t]);
  }
  __syncthreads();

  // Pairs within a run.
  const DecaySums<kKeys> keys_back{reinterpret_cast<float*>(rest)};
  float* const totals = reinterpret_cast<float*>(of_pairs.data);  // [kRuns, kKeys]
  for (int i = t; i < kRuns * kKeys; i += kGatherThreads) {
    const int c = i % kKeys, begin = i / kKeys * kRun;
    ChannelOfRun x;
#pragma unroll
    for (int r = 0; r < kRun; ++r) {
      x.sums[r] = sums(begin + r, c);
      x.q[r] = static_cast<float>(*q.at(begin + r, c)) * of_q[begin + r];
      x.k[r] = static_cast<float>(*k.at(begin + r, c)) * of_k[begin + r];
      const float own = pairs_within[(begin + r) * kRun + r];
      x.dq[r] = queries_back(begin + r, c) + own * x.k[r], x.dk[r] = own * x.q[r];
      x.gate[r] = gates(begin + r, c);
    }
    AddPairsOfHalves<8>(x, pairs_within + begin * kRun, keys_within + begin * kRun);
    AddPairsOfHalves<4>(x, pairs_within + begin * kRun, keys_within + begin * kRun);
    AddPairsOfHalves<2>(x, pairs_within + begin * kRun, keys_within + begin * kRun);
    AddPairsOfHalves<1>(x, pairs_within + begin * kRun, keys_within + begin * kRun);
    float sum = 0;
#pragma unroll
    for (int r = kRun; r-- > 0;) {
      sum += x.gate[r];
      gates(begin + r, c) = sum;
      queries_back(begin + r, c) = x.dq[r];
      keys_back(begin + r, c) = x.dk[r];
    }
    totals[i] = sum;
  }
  __syncthreads();
  for (int i = t; i < kRuns * kKeys; i += kGatherThreads) {
    const int c = i % kKeys, begin = i / kKeys * kRun;
    if (c >= s.key_dim) continue;
    float behind = of_end[c] + ((end_sums[0][c] + end_sums[1][c]) + (end_sums[2][c] + end_sums[3][c]));
    for (int later = kRuns - 1; later > i / kKeys; --later) behind += totals[later * kKeys + c];
    float* to = g.dg + p.Row(place.first, head) * s.key_dim + c;
#pragma unroll
    for (int r = 0; r < kRun; ++r) {
      if (begin + r < place.rows) to[(begin + r) * int64_t{s.heads} * s.key_dim] = gates(begin + r, c) + behind;
    }
  }

  // Of n = x / |x|: (d - n (n d)) / |x|.
  const auto write = [&](Sums& d, const DecaySums<kKeys>& more, const MmaTile<kKeys>& x, const float* inverse, float scale,
                         const Lines<bf16>& to) {
    float dot[2] = {};
#pragma unroll
    for (int n = 0; n < kKeys / 16; ++n) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int i = row + lane / 4 + 8 * e, c = key_column + 8 * n + lane % 4 * 2;
        const float2 add = more.two(i, c), own = ReadTwo(x.at(i, c));
        d.at[0][n][2 * e] += add.x, d.at[0][n][2 * e + 1] += add.y;
        dot[e] += d.at[0][n][2 * e] * own.x + d.at[0][n][2 * e + 1] * own.y;
      }
    }
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const float sum = SumOfQuad(dot[e]);
      if (lane % 4 == 0) row_sums[side][row + lane / 4 + 8 * e] = sum;
    }
    __syncthreads();
    d.ForPairs(row, key_column, [&](int i, int c, float a, float b) {
      if (i >= place.rows) return;
      const float length = inverse[i], all = (row_sums[0][i] + row_sums[1][i]) * length * length;
      const float2 own = ReadTwo(x.at(i, c));
      WriteTwo(to.at(place.first + i, head), c, s.key_dim, p.aligned, (a - all * own.x) * length * scale,
               (b - all * own.y) * length * scale);
    });
    __syncthreads();
  };
  dq.Clear();
  write(dq, queries_back, q, unit_of_q, s.scale, g.dq);
  write(dk, keys_back, k, of_k, 1, g.dk);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_GATHER_CUH_
