// The first step of delta_channel_mma.cuh. Pairs whose decays differ by channel are products of what decays up to a token between the
// two, from the earlier one on, and from there to the later one: P_ij = sum of (q_i exp(G_i - R)) (k_j exp(R - G_j)), where neither
// factor grows. The two tokens' numbers differ first in some bit: R is the sum at the end of the half that the earlier one is in, and
// all pairs of one bit are one product. Those of a run share a warp's registers, which hold the same elements as left and as right
// operands.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_PREPARE_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_PREPARE_CUH_

#include <algorithm>

#include "core/cuda/views/delta_channel_mma.cuh"

namespace hlm::cuda {

// A chunk's queries and keys as they came, what norms them, and the sums of decays.
template <int kKeys>
struct ChunkKeys {
  MmaTile<kKeys> q, k;
  DecaySums<kKeys> sums;
  const float *of_q, *of_k;
  __device__ float2 Query(int row, int c) const { return ReadTwo(q.at(row, c)) * float2{of_q[row], of_q[row]}; }
  __device__ float2 Key(int row, int c) const { return ReadTwo(k.at(row, c)) * float2{of_k[row], of_k[row]}; }
};

// A lane's part of the products of 16 queries, or keys, with 8 kColumns keys.
template <int kColumns>
struct PairSums {
  float queries[kColumns][4] = {}, keys[kColumns][4] = {};
};
__device__ inline uint32_t Pair(float2 two) { return Pair(two.x, two.y); }

// Pairs within the run at `row`: zeros above the diagonal, and on it for keys.
template <int kKeys>
__device__ void PairsWithin(const ChunkKeys<kKeys>& in, int row, PairSums<2>& to) {
  constexpr int kBits = 4;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, r = lane / 4, two = lane % 4 * 2;
  float same[2][4] = {};
  PairSums<2> parts[kBits];  // of those that differ first in bits 3 to 0
#pragma unroll 1
  for (int c = two; c < kKeys; c += 16) {
    // In the order of a left operand's registers: rows 0 and 8, then both 8 channels on.
    float2 q[4], k[4], sums[4];
    uint32_t left[4], right[4];
#pragma unroll
    for (int a = 0; a < 4; ++a) {
      const int i = row + r + a % 2 * 8, channel = c + a / 2 * 8;
      q[a] = in.Query(i, channel), k[a] = in.Key(i, channel), sums[a] = in.sums.two(i, channel);
      left[a] = Pair(q[a]), right[a] = Pair(k[a]);
    }
    MultiplyAdd(left, right[0], right[2], same[0]);
    MultiplyAdd(left, right[1], right[3], same[1]);
#pragma unroll
    for (int b = 0; b < kBits; ++b) {
      const int half = 8 >> b;
#pragma unroll
      for (int a = 0; a < 4; ++a) {
        const int i = r + a % 2 * 8, between = row + i / (2 * half) * (2 * half) + half - 1;
        const float2 apart = sums[a] - in.sums.two(between, c + a / 2 * 8);
        const float2 decays = Decays({-fabsf(apart.x), -fabsf(apart.y)});
        left[a] = Pair(q[a] * decays), right[a] = Pair(k[a] * decays);
      }
#pragma unroll
      for (int n = 0; n < (b == 0 ? 1 : 2); ++n) {
        MultiplyAdd(left, right[n], right[n + 2], parts[b].queries[n]);
        MultiplyAdd(right, right[n], right[n + 2], parts[b].keys[n]);
      }
    }
  }
#pragma unroll
  for (int n = 0; n < 2; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int i = r + e / 2 * 8, j = 8 * n + two + e % 2, apart = i ^ j;
      const auto of = [&](const auto& part) {
        return apart >= 8 ? part(parts[0]) : apart >= 4 ? part(parts[1]) : apart >= 2 ? part(parts[2]) : part(parts[3]);
      };
      to.queries[n][e] = j > i ? 0.0f : j == i ? same[n][e] : of([&](const PairSums<2>& x) { return x.queries[n][e]; });
      to.keys[n][e] = j >= i ? 0.0f : of([&](const PairSums<2>& x) { return x.keys[n][e]; });
    }
  }
}

// Pairs of the run at `row` with 8 kColumns keys of an earlier run, from row `column` on. later, earlier: runs between the two that
// lie on the one's side of where they are told apart, and on the other's; -1: none.
template <int kColumns, int kKeys>
__device__ void PairsAcross(const ChunkKeys<kKeys>& in, int row, int column, int later, int earlier, PairSums<kColumns>& to) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, r = lane / 4;
#pragma unroll 1
  for (int c = lane % 4 * 2; c < kKeys; c += 16) {
    uint32_t q[4], k[4];
#pragma unroll
    for (int a = 0; a < 4; ++a) {
      const int i = row + r + a % 2 * 8, channel = c + a / 2 * 8;
      float2 sum = in.sums.two(i, channel);
      if (later >= 0) sum = sum + in.sums.all(later, channel);
      const float2 decays = Decays(sum);
      q[a] = Pair(in.Query(i, channel) * decays), k[a] = Pair(in.Key(i, channel) * decays);
    }
#pragma unroll
    for (int n = 0; n < kColumns; ++n) {
      uint32_t right[2];
#pragma unroll
      for (int a = 0; a < 2; ++a) {
        const int j = column + 8 * n + r, channel = c + a * 8;
        float2 sum = in.sums.all(column / kRun, channel) - in.sums.two(j, channel);
        if (earlier >= 0) sum = sum + in.sums.all(earlier, channel);
        right[a] = Pair(in.Key(j, channel) * Decays(sum));
      }
      MultiplyAdd(q, right[0], right[1], to.queries[n]);
      MultiplyAdd(k, right[0], right[1], to.keys[n]);
    }
  }
}

// Q exp(G), K exp(G) and K exp(G_last - G) to the workspace, and exp(G_last).
template <int kKeys>
__device__ void WriteDecayed(const ChannelDelta& p, const ChunkKeys<kKeys>& in, const ChunkPlace& place, int head) {
  constexpr int kPairs = kKeys / 2;
  const int t = static_cast<int>(threadIdx.x), c = t % kPairs * 2;
  float2 all[kRuns], before = {0, 0};
#pragma unroll
  for (int run = 0; run < kRuns; ++run) all[run] = in.sums.all(run, c);
#pragma unroll
  for (int run = 0; run < kRuns; ++run) {
    float2 behind = {0, 0};
#pragma unroll
    for (int later = run + 1; later < kRuns; ++later) behind = behind + all[later];
    const int end = min(place.rows, (run + 1) * kRun);
#pragma unroll 2
    for (int i = run * kRun + t / kPairs; i < end; i += kMmaThreads / kPairs) {
      const float2 sum = in.sums.two(i, c), grown = Decays(before + sum), shrunk = Decays(all[run] - sum + behind);
      const float2 q = in.Query(i, c), k = in.Key(i, c);
      const int64_t at = p.Row(place.first + i, head) * kKeys + c;
      *reinterpret_cast<uint32_t*>(p.q_decayed + at) = Pair(q * grown);
      *reinterpret_cast<uint32_t*>(p.k_decayed + at) = Pair(k * grown);
      *reinterpret_cast<uint32_t*>(p.k_shrunk + at) = Pair(k * shrunk);
    }
    before = before + all[run];
  }
  if (place.behind && t < kPairs) *reinterpret_cast<float2*>(p.Ends<kKeys>(place.first, head) + c) = Decays(before);
}

// Queries, keys and sums; in their place later the system and its inverse.
template <int kKeys>
constexpr size_t ChannelPrepareBytes() {
  return std::max(2 * static_cast<size_t>(MmaTile<kKeys>::Bytes(kChunk)) + static_cast<size_t>(DecaySums<kKeys>::Bytes()),
                  sizeof(float) * static_cast<size_t>(2 * Tile<kChunk>::Floats(kChunk) + Tile<16>::Floats(kChunk)));
}

template <int kKeys>
__global__ void __launch_bounds__(kMmaThreads) ChannelPrepareKernel(ChannelDelta p) {
  __shared__ float beta[kChunk], of_q[kChunk], of_k[kChunk];
  unsigned char* memory = DynamicShared();
  const MmaTile<kKeys> q{reinterpret_cast<bf16*>(memory)}, k{q.at(kChunk, 0)};
  const ChunkKeys<kKeys> in{q, k, {reinterpret_cast<float*>(k.at(kChunk, 0))}, of_q, of_k};
  const Tile<kChunk> system{reinterpret_cast<float*>(memory)}, inverse{system.data + Tile<kChunk>::Floats(kChunk)};
  const Tile<16> some{inverse.data + Tile<kChunk>::Floats(kChunk)};
  const DeltaSizes& s = p.sizes;
  const ChunkPlace place = p.table[blockIdx.x];
  const int head = static_cast<int>(blockIdx.y), t = static_cast<int>(threadIdx.x), warp = t / kWarp, row = warp * kRun;
  SendRows<kKeys, kMmaThreads>(p.q, place, head, 0, s.key_dim, p.aligned, q);
  SendRows<kKeys, kMmaThreads>(p.k, place, head, 0, s.key_dim, p.aligned, k);
  CloseCopies();
  LoadDecaySums<kKeys, kMmaThreads>(p, place, head, in.sums);
  if (t < kChunk) beta[t] = t < place.rows ? p.beta[p.Row(place.first + t, head)] : 0.0f;
  AwaitCopies<0>();
  __syncthreads();
  RowFactors(q, place.rows, s.epsilon, s.scale, of_q);
  RowFactors(k, place.rows, s.epsilon, 1, of_k);
  __syncthreads();
  WriteDecayed(p, in, place, head);
  // A warp has its run, a half of what two neighbouring runs share, and a quarter of what the chunk's halves share.
  PairSums<2> within, far;
  PairSums<1> near;
  PairsWithin(in, row, within);
  const int near_row = warp / 2 * 2 * kRun + kRun, near_column = warp / 2 * 2 * kRun + warp % 2 * 8;
  PairsAcross(in, near_row, near_column, -1, -1, near);
  const int far_row = (2 + warp / 2) * kRun, far_column = warp % 2 * kRun;
  PairsAcross(in, far_row, far_column, warp / 2 == 1 ? 2 : -1, warp % 2 == 0 ? 1 : -1, far);
  __syncthreads();
  const auto write = [&](int begin, int column, const auto& pairs) {
    constexpr int kColumns = static_cast<int>(sizeof(pairs.queries) / sizeof(pairs.queries[0]));
    const int i = begin + t % kWarp / 4;
#pragma unroll
    for (int n = 0; n < kColumns; ++n) {
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        const int r = i + 4 * e, j = column + 8 * n + t % 4 * 2;
        const float x = pairs.keys[n][e], y = pairs.keys[n][e + 1];
        system(r, j) = x * beta[j], system(r, j + 1) = y * beta[j + 1];
        if (r >= place.rows) continue;
        const int64_t at = p.Row(place.first + r, head) * kChunk + j;
        *reinterpret_cast<uint32_t*>(p.pairs + at) = Pair(pairs.queries[n][e], pairs.queries[n][e + 1]);
        if (p.keys != nullptr) *reinterpret_cast<uint32_t*>(p.keys + at) = Pair(x, y);
      }
    }
  };
  write(row, row, within);
  write(near_row, near_column, near);
  write(far_row, far_column, far);
  __syncthreads();
  InvertByBlocks(system, inverse, some);
  for (int i = t; i < place.rows * (kChunk / 2); i += kMmaThreads) {
    const int r = i / (kChunk / 2), c = i % (kChunk / 2) * 2;
    const uint32_t two = c / 16 <= r / 16 ? Pair(c == r ? 0 : inverse(r, c), c + 1 == r ? 0 : inverse(r, c + 1)) : 0;
    *reinterpret_cast<uint32_t*>(p.inverse + p.Row(place.first + r, head) * kChunk + c) = two;
  }
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_PREPARE_CUH_
