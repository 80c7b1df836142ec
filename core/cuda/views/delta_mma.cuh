// The delta rule in bf16 on tensor cores: the steps of delta_rule.cuh with products of bf16 and sums in fp32. Queries and keys
// enter products as they are, and their lengths and decays multiply the results' rows; what is rounded to bf16 are the state, P,
// M and what tokens add to the state, each where it becomes an operand.
//
//   prepare   each chunk and key head by itself: factors of rows, P, and M = (I + L0 diag(beta))^-1 (L0_ij = D_ij k_i k_j, j < i)
//   forward   a block goes through a document with 32 columns of a head's state, in registers. With R = V - (K exp(G)) S:
//             inside = M R     U = beta inside     out = (Q exp(G)) S + P U     S' = exp(G_last) S + (K exp(G_last - G))^T U
//   backward  the same from the last chunk on: dU = P^T dout + (K exp(G_last - G)) dS'     dV = M^T beta dU
//   gather    (delta_mma_gather.cuh) each chunk and key head, over the group's value heads in order: dq, dk, dg, dbeta
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_CUH_

#include "core/cuda/launch.cuh"
#include "core/cuda/mma.cuh"
#include "core/cuda/views/delta_rule.cuh"
#include "core/cuda/views/mma_rows.cuh"

namespace hlm::cuda {

struct DeltaMma {
  DeltaSizes sizes;
  bool aligned;  // all heads' rows begin at 16 bytes and are whole steps of them
  Lines<const bf16> q, k, v;
  const float *g, *beta;  // [tokens, heads]
  const ChunkPlace* table;
  const int* firsts;
  // By token and value head: exp(G) / |k|, beta, exp(G_last - G) / |k|, exp(G) scale / |q|.
  float4* factors;
  float* lasts;            // exp(G_last), at the chunk's first token and the head
  bf16 *pairs, *inverse;   // P, M - I: by token and value head, a row of kChunk columns
  bf16* inside;            // [tokens, heads, slices of 32]; null where no backward pass follows
  bf16 *states, *dstates;  // [slots, heads, slices, kKeys, 32]

  __device__ int64_t Row(int64_t token, int head) const { return token * sizes.heads + head; }
  __device__ int inside_width() const { return sizes.slices() * kSlice; }
  template <int kKeys>
  __device__ bf16* State(bf16* of, int first, int head, int slice) const {
    return of + ((int64_t{first / kChunk} * sizes.heads + head) * sizes.slices() + slice) * (kKeys * kSlice);
  }
};

// 1 / |x| of a tile's rows, times `scale`; 0 where there is no row. All threads must call it, two of them a row.
template <int kColumns>
__device__ void RowFactors(const MmaTile<kColumns>& x, int rows, float epsilon, float scale, float* factors) {
  const int row = static_cast<int>(threadIdx.x) / 2 % kChunk, half = static_cast<int>(threadIdx.x) % 2;
  float sum = 0;
#pragma unroll 4
  for (int c = half * 8; c < kColumns; c += 16) {
#pragma unroll
    for (int e = 0; e < 8; e += 2) {
      const float2 two = ReadTwo(x.at(row, c + e));
      sum += two.x * two.x + two.y * two.y;
    }
  }
  sum += __shfl_xor_sync(kAllLanes, sum, 1);
  if (half == 0 && static_cast<int>(threadIdx.x) < 2 * kChunk) factors[row] = row < rows ? scale / sqrtf(sum + epsilon) : 0.0f;
}

// Of a chunk and a value head: the sums of g up to each token, and beta. All threads must call it.
__device__ inline void LoadGates(const DeltaMma& p, const ChunkPlace& place, int head, double* sums, float* beta) {
  const int t = static_cast<int>(threadIdx.x);
  if (t < kWarp) {
    double two[2];
    TwoSumsOfGates(p.g + p.Row(place.first, head), p.sizes.heads, place.rows, two);
    sums[2 * t] = two[0], sums[2 * t + 1] = two[1];
  }
  if (t < kChunk) beta[t] = t < place.rows ? p.beta[p.Row(place.first + t, head)] : 0.0f;
  __syncthreads();
}

// The inverse of I + A, where A [kChunk, kChunk] is strictly lower triangular, in blocks of 16: those on the diagonal row after row,
// each of them by a warp, the others from near the diagonal on: -M_ii sum over k of A_ik M_kj. Blocks above the diagonal are not
// written. some: [kChunk, 16]. All kMmaThreads threads must call it.
__device__ inline void InvertByBlocks(const Tile<kChunk>& a, const Tile<kChunk>& to, const Tile<16>& some) {
  constexpr int kBlocks = kChunk / 16;
  static_assert(kBlocks == kMmaThreads / kWarp);
  const int t = static_cast<int>(threadIdx.x), warp = t / kWarp, column = t % 16;
  const int begin = 16 * warp;
  float own[16];
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    float x = i == column ? 1.0f : 0.0f;
#pragma unroll
    for (int j = 0; j < i; ++j) x = fmaf(-a(begin + i, begin + j), own[j], x);
    own[i] = x;
    if (t % kWarp < 16) to(begin + i, begin + column) = x;
  }
  __syncthreads();
  for (int distance = 1; distance < kBlocks; ++distance) {
    const int elements = (kBlocks - distance) * 256;
    for (int at = t; at < elements; at += kMmaThreads) {
      const int row = 16 * distance + at / 16, c = row / 16 * 16 - 16 * distance + at % 16;
      float sum = 0;
      for (int k = c / 16 * 16; k < row / 16 * 16; ++k) sum = fmaf(a(row, k), to(k, c), sum);
      some(row, at % 16) = sum;
    }
    __syncthreads();
    for (int at = t; at < elements; at += kMmaThreads) {
      const int row = 16 * distance + at / 16, block = row / 16 * 16, c = block - 16 * distance + at % 16;
      float sum = 0;
#pragma unroll
      for (int k = 0; k < 16; ++k) sum = fmaf(block + k <= row ? to(row, block + k) : 0.0f, some(block + k, at % 16), sum);
      to(row, c) = -sum;
    }
    __syncthreads();
  }
}

template <int kKeys>
constexpr size_t PrepareBytes() {
  return 2 * static_cast<size_t>(MmaTile<kKeys>::Bytes(kChunk)) +
         sizeof(float) * static_cast<size_t>(2 * Tile<kChunk>::Floats(kChunk) + Tile<16>::Floats(kChunk));
}

template <int kKeys>
__global__ void __launch_bounds__(kMmaThreads) DeltaPrepareKernel(DeltaMma p) {
  __shared__ double sums[kChunk];
  __shared__ float beta[kChunk], of_q[kChunk], of_k[kChunk];
  unsigned char* memory = DynamicShared();
  const MmaTile<kKeys> q{reinterpret_cast<bf16*>(memory)}, k{q.at(kChunk, 0)};
  const Tile<kChunk> system{reinterpret_cast<float*>(k.at(kChunk, 0))}, inverse{system.data + Tile<kChunk>::Floats(kChunk)};
  const Tile<16> some{inverse.data + Tile<kChunk>::Floats(kChunk)};
  const DeltaSizes& s = p.sizes;
  const ChunkPlace place = p.table[blockIdx.x];
  const int key_head = static_cast<int>(blockIdx.y), t = static_cast<int>(threadIdx.x), row = t / kWarp * 16;
  SendRows<kKeys, kMmaThreads>(p.q, place, key_head, 0, s.key_dim, p.aligned, q);
  SendRows<kKeys, kMmaThreads>(p.k, place, key_head, 0, s.key_dim, p.aligned, k);
  CloseCopies();
  AwaitCopies<0>();
  __syncthreads();
  RowFactors(q, place.rows, s.epsilon, s.scale, of_q);
  RowFactors(k, place.rows, s.epsilon, 1, of_k);
  MmaSums<1, kChunk / 8> queries, keys;
  queries.Clear();
  keys.Clear();
  queries.template Add<Lies::kStraight, Lies::kTransposed>(q, k, row, 0, 0, kKeys);
  keys.template Add<Lies::kStraight, Lies::kTransposed>(k, k, row, 0, 0, kKeys);
  for (int head = key_head * s.group(); head < (key_head + 1) * s.group(); ++head) {
    LoadGates(p, place, head, sums, beta);
    if (t < place.rows) {
      const float grown = Decay(sums[t]), shrunk = Decay(sums[place.rows - 1] - sums[t]);
      p.factors[p.Row(place.first + t, head)] = make_float4(grown * of_k[t], beta[t], shrunk * of_k[t], grown * of_q[t]);
      if (t == place.rows - 1) p.lasts[p.Row(place.first, head)] = grown;
    }
    queries.ForPairs(row, 0, [&](int i, int j, float a, float b) {
      if (i >= place.rows) return;
      const float x = j <= i ? a * of_q[i] * of_k[j] * Decay(sums[i] - sums[j]) : 0.0f;
      const float y = j + 1 <= i ? b * of_q[i] * of_k[j + 1] * Decay(sums[i] - sums[j + 1]) : 0.0f;
      *reinterpret_cast<uint32_t*>(p.pairs + p.Row(place.first + i, head) * kChunk + j) = Pair(x, y);
    });
    keys.ForPairs(row, 0, [&](int i, int j, float a, float b) {
      system(i, j) = j < i ? a * of_k[i] * of_k[j] * Decay(sums[i] - sums[j]) * beta[j] : 0.0f;
      system(i, j + 1) = j + 1 < i ? b * of_k[i] * of_k[j + 1] * Decay(sums[i] - sums[j + 1]) * beta[j + 1] : 0.0f;
    });
    __syncthreads();
    InvertByBlocks(system, inverse, some);
    for (int i = t; i < place.rows * (kChunk / 2); i += kMmaThreads) {
      const int r = i / (kChunk / 2), c = i % (kChunk / 2) * 2;
      const uint32_t two = c / 16 <= r / 16 ? Pair(c == r ? 0 : inverse(r, c), c + 1 == r ? 0 : inverse(r, c + 1)) : 0;
      *reinterpret_cast<uint32_t*>(p.inverse + p.Row(place.first + r, head) * kChunk + c) = two;
    }
    __syncthreads();
  }
}

// Shared memory of the next two kernels: both have two places for keys, since those are needed until a chunk's end and the next
// chunk's from its begin.
template <int kKeys>
struct DeltaPassShape {
  static constexpr int kKeysTile = MmaTile<kKeys>::Bytes(kChunk), kMatrix = MmaTile<kChunk>::Bytes(kChunk);
  static constexpr int kRowsTile = MmaTile<kSlice>::Bytes(kChunk), kState = MmaTile<kSlice>::Bytes(kKeys);
  static constexpr int kFactors = kChunk * 16;
  static constexpr size_t kBytes = 3 * kKeysTile + 2 * kMatrix + 4 * kRowsTile + kState + 2 * kFactors;
};
template <int kKeys>
struct DeltaPassTiles {
  MmaTile<kKeys> q;
  MmaTile<kChunk> pairs, inverse;
  MmaTile<kSlice> in, first, second, third, state;
  bf16* twice;

  // Of a chunk by its number.
  __device__ float4* factors(int chunk) const { return reinterpret_cast<float4*>(twice + chunk % 2 * kTwice); }
  __device__ MmaTile<kKeys> k(int chunk) const { return {twice + chunk % 2 * kTwice + DeltaPassShape<kKeys>::kFactors / 2}; }
  static constexpr int kTwice = (DeltaPassShape<kKeys>::kFactors + DeltaPassShape<kKeys>::kKeysTile) / 2;

  __device__ explicit DeltaPassTiles(unsigned char* memory) {
    using Shape = DeltaPassShape<kKeys>;
    const auto take = [&](int bytes) {
      auto* taken = reinterpret_cast<bf16*>(memory);
      memory += bytes;
      return taken;
    };
    twice = take(4 * kTwice);
    q.data = take(Shape::kKeysTile);
    pairs.data = take(Shape::kMatrix);
    inverse.data = take(Shape::kMatrix);
    in.data = take(Shape::kRowsTile);
    first.data = take(Shape::kRowsTile);
    second.data = take(Shape::kRowsTile);
    third.data = take(Shape::kRowsTile);
    state.data = take(Shape::kState);
  }
};
__device__ inline void SendFactors(const DeltaMma& p, const ChunkPlace& place, int head, float4* to) {
  const int t = static_cast<int>(threadIdx.x);
  if (t < kChunk) CopyAhead(to + t, p.factors + p.Row(place.first + (t < place.rows ? t : 0), head), t < place.rows);
}
// out.data null: states and what is inside alone.
template <int kKeys>
__global__ void __launch_bounds__(kMmaThreads) DeltaMmaForwardKernel(DeltaMma p, Lines<bf16> out) {
  const DeltaPassTiles<kKeys> tiles(DynamicShared());
  const DeltaSizes& s = p.sizes;
  const int slice = static_cast<int>(blockIdx.x) % s.slices(), head = static_cast<int>(blockIdx.x) / s.slices() % s.heads;
  const int document = static_cast<int>(blockIdx.x) / s.slices() / s.heads, key_head = head / s.group(), column = slice * kSlice;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, row = 16 * warp, state_row = kKeys / 4 * warp;
  const int first_chunk = p.firsts[document], end = p.firsts[document + 1];
  // What a chunk needs first, and what it needs later.
  const auto send_first = [&](int chunk) {
    if (chunk < end) {
      const ChunkPlace place = p.table[chunk];
      SendFactors(p, place, head, tiles.factors(chunk));
      SendRows<kKeys, kMmaThreads>(p.k, place, key_head, 0, s.key_dim, p.aligned, tiles.k(chunk));
      SendRows<kSlice, kMmaThreads>(p.v, place, head, column, s.value_dim, p.aligned, tiles.in);
      SendOwn<kChunk, kMmaThreads>(p.inverse + p.Row(place.first, head) * kChunk, int64_t{s.heads} * kChunk, place.rows,
                                   tiles.inverse);
    }
    CloseCopies();
  };
  const auto send_second = [&](int chunk) {
    if (chunk < end && out.data != nullptr) {
      const ChunkPlace place = p.table[chunk];
      SendRows<kKeys, kMmaThreads>(p.q, place, key_head, 0, s.key_dim, p.aligned, tiles.q);
      SendOwn<kChunk, kMmaThreads>(p.pairs + p.Row(place.first, head) * kChunk, int64_t{s.heads} * kChunk, place.rows,
                                   tiles.pairs);
    }
    CloseCopies();
  };
  MmaSums<kKeys / 64, kSlice / 8> state;
  state.Clear();
  ClearSlice<kKeys>(tiles.state);
  send_first(first_chunk);
  send_second(first_chunk);
  for (int chunk = first_chunk; chunk < end; ++chunk) {
    const ChunkPlace place = p.table[chunk];
    const float last = p.lasts[p.Row(place.first, head)];
    const MmaTile<kKeys> k = tiles.k(chunk);
    const float4* factors = tiles.factors(chunk);
    AwaitCopies<1>();
    __syncthreads();
    if (p.states != nullptr && place.before) StoreSlice<kKeys>(tiles.state, p.State<kKeys>(p.states, place.first, head, slice));
    MmaSums<1, kSlice / 8> some;
    some.Clear();
    some.template Add<Lies::kStraight, Lies::kStraight>(k, tiles.state, row, 0, 0, kKeys);
    some.ForPairs(row, 0, [&](int i, int c, float& a, float& b) {
      const float2 v = ReadTwo(tiles.in.at(i, c));
      a = v.x - factors[i].x * a, b = v.y - factors[i].x * b;
      StorePair(tiles.first, i, c, a, b);
    });
    __syncthreads();
    // R + (M - I) R: what a token brings itself is not rounded on its way.
    some.template Add<Lies::kStraight, Lies::kStraight>(tiles.inverse, tiles.first, row, 0, 0, row + 16);
    some.ForPairs(row, 0, [&](int i, int c, float a, float b) {
      const float4 f = factors[i];
      if (p.inside != nullptr && i < place.rows) {
        *reinterpret_cast<uint32_t*>(p.inside + p.Row(place.first + i, head) * p.inside_width() + column + c) = Pair(a, b);
      }
      StorePair(tiles.second, i, c, f.y * a, f.y * b);             // U
      StorePair(tiles.third, i, c, f.z * f.y * a, f.z * f.y * b);  // with what its key is multiplied with
    });
    AwaitCopies<0>();
    __syncthreads();
    send_first(chunk + 1);
    if (out.data != nullptr) {
      some.Clear();
      some.template Add<Lies::kStraight, Lies::kStraight>(tiles.q, tiles.state, row, 0, 0, kKeys);
      some.ForPairs(row, 0, [&](int i, int, float& a, float& b) { a *= factors[i].w, b *= factors[i].w; });
      some.template Add<Lies::kStraight, Lies::kStraight>(tiles.pairs, tiles.second, row, 0, 0, row + 16);
      some.ForPairs(row, 0, [&](int i, int c, float a, float b) {
        if (i < place.rows) WriteTwo(out.at(place.first + i, head), column + c, s.value_dim, p.aligned, a, b);
      });
    }
    state.ForPairs(state_row, 0, [&](int, int, float& a, float& b) { a *= last, b *= last; });
    state.template Add<Lies::kTransposed, Lies::kStraight>(k, tiles.third, state_row, 0, 0, kChunk);
    __syncthreads();
    send_second(chunk + 1);
    state.ForPairs(state_row, 0, [&](int r, int c, float a, float b) { StorePair(tiles.state, r, c, a, b); });
  }
}

template <int kKeys>
__global__ void __launch_bounds__(kMmaThreads) DeltaMmaBackwardKernel(DeltaMma p, Lines<const bf16> dout, Lines<bf16> dv) {
  const DeltaPassTiles<kKeys> tiles(DynamicShared());
  const DeltaSizes& s = p.sizes;
  const int slice = static_cast<int>(blockIdx.x) % s.slices(), head = static_cast<int>(blockIdx.x) / s.slices() % s.heads;
  const int document = static_cast<int>(blockIdx.x) / s.slices() / s.heads, key_head = head / s.group(), column = slice * kSlice;
  const int t = static_cast<int>(threadIdx.x), warp = t / kWarp, row = 16 * warp, state_row = kKeys / 4 * warp;
  const int first_chunk = p.firsts[document], end = p.firsts[document + 1];
  const auto send_first = [&](int chunk) {
    if (chunk >= first_chunk) {
      const ChunkPlace place = p.table[chunk];
      SendFactors(p, place, head, tiles.factors(chunk));
      SendRows<kKeys, kMmaThreads>(p.k, place, key_head, 0, s.key_dim, p.aligned, tiles.k(chunk));
      SendRows<kSlice, kMmaThreads>(dout, place, head, column, s.value_dim, p.aligned, tiles.in);
      SendOwn<kChunk, kMmaThreads>(p.pairs + p.Row(place.first, head) * kChunk, int64_t{s.heads} * kChunk, place.rows,
                                   tiles.pairs);
    }
    CloseCopies();
  };
  const auto send_second = [&](int chunk) {
    if (chunk >= first_chunk) {
      const ChunkPlace place = p.table[chunk];
      SendRows<kKeys, kMmaThreads>(p.q, place, key_head, 0, s.key_dim, p.aligned, tiles.q);
      SendOwn<kChunk, kMmaThreads>(p.inverse + p.Row(place.first, head) * kChunk, int64_t{s.heads} * kChunk, place.rows,
                                   tiles.inverse);
    }
    CloseCopies();
  };
  MmaSums<kKeys / 64, kSlice / 8> dstate;
  dstate.Clear();
  ClearSlice<kKeys>(tiles.state);
  send_first(end - 1);
  send_second(end - 1);
  for (int chunk = end - 1; chunk >= first_chunk; --chunk) {
    const ChunkPlace place = p.table[chunk];
    const float last = p.lasts[p.Row(place.first, head)];
    const MmaTile<kKeys> k = tiles.k(chunk);
    const float4* factors = tiles.factors(chunk);
    AwaitCopies<1>();
    __syncthreads();
    if (place.behind) StoreSlice<kKeys>(tiles.state, p.State<kKeys>(p.dstates, place.first, head, slice));
    MmaSums<1, kSlice / 8> some;
    some.Clear();
    some.template Add<Lies::kStraight, Lies::kStraight>(k, tiles.state, row, 0, 0, kKeys);
    some.ForPairs(row, 0, [&](int i, int, float& a, float& b) { a *= factors[i].z, b *= factors[i].z; });
    some.template Add<Lies::kTransposed, Lies::kStraight>(tiles.pairs, tiles.in, row, 0, row, kChunk);
    some.ForPairs(row, 0, [&](int i, int c, float& a, float& b) {
      const float4 f = factors[i];
      a *= f.y, b *= f.y;
      StorePair(tiles.first, i, c, a, b);
      const float2 d = ReadTwo(tiles.in.at(i, c));
      StorePair(tiles.third, i, c, f.w * d.x, f.w * d.y);  // dout with what its query is multiplied with
    });
    AwaitCopies<0>();
    __syncthreads();
    send_first(chunk - 1);
    some.template Add<Lies::kTransposed, Lies::kStraight>(tiles.inverse, tiles.first, row, 0, row, kChunk);
    some.ForPairs(row, 0, [&](int i, int c, float a, float b) {
      if (i < place.rows) WriteTwo(dv.at(place.first + i, head), column + c, s.value_dim, p.aligned, a, b);
      StorePair(tiles.second, i, c, -factors[i].x * a, -factors[i].x * b);
    });
    __syncthreads();
    // dS = exp(G_last) dS' + (Q exp(G))^T dout - (K exp(G))^T dV
    dstate.ForPairs(state_row, 0, [&](int, int, float& a, float& b) { a *= last, b *= last; });
    dstate.template Add<Lies::kTransposed, Lies::kStraight>(tiles.q, tiles.third, state_row, 0, 0, kChunk);
    dstate.template Add<Lies::kTransposed, Lies::kStraight>(k, tiles.second, state_row, 0, 0, kChunk);
    __syncthreads();
    send_second(chunk - 1);
    dstate.ForPairs(state_row, 0, [&](int r, int c, float a, float b) { StorePair(tiles.state, r, c, a, b); });
  }
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_CUH_
