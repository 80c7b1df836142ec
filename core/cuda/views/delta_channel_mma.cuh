// The delta rule in bf16 on tensor cores with a decay of its own for each channel of the keys: the steps of delta_mma.cuh, where
// decays are no factors of rows. What passes read are operands with their decays in them, each at most as large as the normed query or
// key itself, rounded to bf16 once:
//
//   prepare   (delta_channel_prepare.cuh) each chunk and head by itself: Q exp(G), K exp(G), K exp(G_last - G), P, L0 and M
//   forward   inside = M (V - (K exp(G)) S)     U = beta inside     out = (Q exp(G)) S + P U
//             S' = diag(exp(G_last)) S + (K exp(G_last - G))^T U
//   backward  dU = P^T dout + (K exp(G_last - G)) dS'     dV = M^T beta dU
//             dS = diag(exp(G_last)) dS' + (Q exp(G))^T dout - (K exp(G))^T dV
//   gather    (delta_channel_gather.cuh) each chunk and head by itself: dq, dk, dg, dbeta
//
// Sums of log decays, to base 2, begin anew with every run of 16 tokens, in fp32: exponents are sums of such sums, all at most 0, or
// differences within a run.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_MMA_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_MMA_CUH_

#include "core/cuda/views/delta_mma.cuh"

namespace hlm::cuda {

struct ChannelDelta : DeltaMma {
  bf16 *q_decayed, *k_decayed, *k_shrunk;  // [tokens, heads, kKeys]: Q exp(G), K exp(G), K exp(G_last - G)
  float* ends;                             // [slots, heads, kKeys]: exp(G_last) of chunks with another behind them
  bf16* keys;                              // L0: by token and head, a row of kChunk columns; null where no backward pass follows

  template <int kKeys>
  __device__ float* Ends(int first, int head) const {
    return ends + (int64_t{first / kChunk} * sizes.heads + head) * kKeys;
  }
};

inline constexpr int kRun = 16;  // tokens
inline constexpr int kRuns = kChunk / kRun;

// Sums of a chunk's log decays, to base 2, from each run's begin on, in shared memory. 8 floats between rows: pairs of columns of 8 rows touch all
// banks once.
template <int kKeys>
struct DecaySums {
  static constexpr int kPitch = kKeys + 8;
  float* data;
  __device__ float& operator()(int row, int c) const { return data[row * kPitch + c]; }
  __device__ float2& two(int row, int c) const { return *reinterpret_cast<float2*>(data + row * kPitch + c); }
  // Of a run as a whole.
  __device__ float2 all(int run, int c) const { return two(run * kRun + kRun - 1, c); }
  __host__ __device__ static constexpr int Bytes() { return kChunk * kPitch * static_cast<int>(sizeof(float)); }
};
// All threads must call it, and meet before they read.
template <int kKeys, int kThreads>
__device__ void LoadDecaySums(const DeltaMma& p, const ChunkPlace& place, int head, const DecaySums<kKeys>& to) {
  constexpr float kLog2E = 1.44269504f;
  const int64_t distance = int64_t{p.sizes.heads} * p.sizes.key_dim;
  for (int i = static_cast<int>(threadIdx.x); i < kRuns * kKeys; i += kThreads) {
    const int c = i % kKeys, begin = i / kKeys * kRun;
    const float* from = p.g + p.Row(place.first, head) * p.sizes.key_dim + c;
    float own[kRun], sum = 0;
#pragma unroll
    for (int r = 0; r < kRun; ++r) {
      own[r] = begin + r < place.rows && c < p.sizes.key_dim ? from[(begin + r) * distance] : 0.0f;
    }
#pragma unroll
    for (int r = 0; r < kRun; ++r) to(begin + r, c) = sum += kLog2E * own[r];
  }
}

__device__ inline float2 operator+(float2 a, float2 b) { return {a.x + b.x, a.y + b.y}; }
__device__ inline float2 operator-(float2 a, float2 b) { return {a.x - b.x, a.y - b.y}; }
__device__ inline float2 operator*(float2 a, float2 b) { return {a.x * b.x, a.y * b.y}; }
// Of sums that are at most 0.
__device__ inline float2 Decays(float2 logs) { return {FastExp2(logs.x), FastExp2(logs.y)}; }

template <int kKeys>
struct ChannelPassShape {
  static constexpr int kKeysTile = MmaTile<kKeys>::Bytes(kChunk), kMatrix = MmaTile<kChunk>::Bytes(kChunk);
  static constexpr int kRowsTile = MmaTile<kSlice>::Bytes(kChunk), kState = MmaTile<kSlice>::Bytes(kKeys);
  static constexpr size_t kBytes = 3 * kKeysTile + 2 * kMatrix + 4 * kRowsTile + kState;
};
template <int kKeys>
struct ChannelPassTiles {
  MmaTile<kKeys> q_decayed, k_decayed, k_shrunk;
  MmaTile<kChunk> pairs, inverse;
  MmaTile<kSlice> in_twice, first, second, state;

  // Values or their gradients, of a chunk by its number.
  __device__ MmaTile<kSlice> in(int chunk) const { return {in_twice.at(chunk % 2 * kChunk, 0)}; }

  __device__ explicit ChannelPassTiles(unsigned char* memory) {
    using Shape = ChannelPassShape<kKeys>;
    const auto take = [&](int bytes) {
      auto* taken = reinterpret_cast<bf16*>(memory);
      memory += bytes;
      return taken;
    };
    q_decayed.data = take(Shape::kKeysTile);
    k_decayed.data = take(Shape::kKeysTile);
    k_shrunk.data = take(Shape::kKeysTile);
    pairs.data = take(Shape::kMatrix);
    inverse.data = take(Shape::kMatrix);
    in_twice.data = take(2 * Shape::kRowsTile);
    first.data = take(Shape::kRowsTile);
    second.data = take(Shape::kRowsTile);
    state.data = take(Shape::kState);
  }
};

// What a block of a pass has for itself: a document, a head and a slice of the state's columns; and what of it a thread has.
struct PassPlace {
  int slice, head, document, column;
  int row, lane_row;  // of the warp's 16 rows; of the first one that the lane has
  __device__ explicit PassPlace(const DeltaSizes& s) {
    const int block = static_cast<int>(blockIdx.x), warp = static_cast<int>(threadIdx.x) / kWarp;
    slice = block % s.slices(), head = block / s.slices() % s.heads, document = block / s.slices() / s.heads;
    column = slice * kSlice, row = 16 * warp, lane_row = row + static_cast<int>(threadIdx.x) % kWarp / 4;
  }
};
template <int kKeys>
__device__ void SendKeys(const ChannelDelta& p, const bf16* of, const ChunkPlace& place, int head, const MmaTile<kKeys>& to) {
  SendOwn<kKeys, kMmaThreads>(of + p.Row(place.first, head) * kKeys, int64_t{p.sizes.heads} * kKeys, place.rows, to);
}
__device__ inline void SendMatrix(const ChannelDelta& p, const bf16* of, const ChunkPlace& place, int head,
                                  const MmaTile<kChunk>& to) {
  SendOwn<kChunk, kMmaThreads>(of + p.Row(place.first, head) * kChunk, int64_t{p.sizes.heads} * kChunk, place.rows, to);
}
// A lane's rows of a slice of the state, or of its gradient, across a chunk.
template <int kKeys>
struct StateDecays {
  float at[kKeys / 64][2];
  __device__ StateDecays(const ChannelDelta& p, const ChunkPlace& place, int head, int row) {
    const float* ends = p.Ends<kKeys>(place.first, head) + row + static_cast<int>(threadIdx.x) % kWarp / 4;
#pragma unroll
    for (int m = 0; m < kKeys / 64; ++m) {
#pragma unroll
      for (int e = 0; e < 2; ++e) at[m][e] = place.behind ? ends[16 * m + 8 * e] : 0.0f;
    }
  }
  __device__ void Scale(MmaSums<kKeys / 64, kSlice / 8>& state) const {
#pragma unroll
    for (int m = 0; m < kKeys / 64; ++m) {
#pragma unroll
      for (int n = 0; n < kSlice / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) state.at[m][n][e] *= at[m][e / 2];
      }
    }
  }
};
struct RowBetas {
  float at[2];
  __device__ float Of(int row) const { return row & 8 ? at[1] : at[0]; }
  __device__ RowBetas(const ChannelDelta& p, const ChunkPlace& place, int head, int row) {
#pragma unroll
    for (int e = 0; e < 2; ++e) at[e] = row + 8 * e < place.rows ? p.beta[p.Row(place.first + row + 8 * e, head)] : 0.0f;
  }
};

// out.data null: states and what is inside alone.
template <int kKeys>
__global__ void __launch_bounds__(kMmaThreads, kKeys == 128 ? 2 : 3) ChannelForwardKernel(ChannelDelta p, Lines<bf16> out) {
  const ChannelPassTiles<kKeys> tiles(DynamicShared());
  const DeltaSizes& s = p.sizes;
  const PassPlace own(s);
  const int row = own.row, state_row = kKeys / 64 * row, head = own.head, column = own.column;
  const int first_chunk = p.firsts[own.document], end = p.firsts[own.document + 1];
  // What a chunk needs first, and what it needs later.
  const auto send_first = [&](int chunk) {
    if (chunk < end) {
      const ChunkPlace place = p.table[chunk];
      SendKeys(p, p.k_decayed, place, head, tiles.k_decayed);
      SendRows<kSlice, kMmaThreads>(p.v, place, head, column, s.value_dim, p.aligned, tiles.in(chunk));
      SendMatrix(p, p.inverse, place, head, tiles.inverse);
    }
    CloseCopies();
  };
  const auto send_second = [&](int chunk) {
    if (chunk < end) {
      const ChunkPlace place = p.table[chunk];
      if (out.data != nullptr) {
        SendKeys(p, p.q_decayed, place, head, tiles.q_decayed);
        SendMatrix(p, p.pairs, place, head, tiles.pairs);
      }
      if (place.behind) SendKeys(p, p.k_shrunk, place, head, tiles.k_shrunk);
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
    const StateDecays<kKeys> decays(p, place, head, state_row);
    const RowBetas betas(p, place, head, own.lane_row);
    AwaitCopies<1>();
    __syncthreads();
    if (p.states != nullptr && place.before)
      StoreSlice<kKeys>(tiles.state, p.State<kKeys>(p.states, place.first, head, own.slice));
    MmaSums<1, kSlice / 8> some;
    some.Clear();
    some.template Add<Lies::kStraight, Lies::kStraight>(tiles.k_decayed, tiles.state, row, 0, 0, kKeys);
    some.ForPairs(row, 0, [&](int i, int c, float& a, float& b) {
      const float2 v = ReadTwo(tiles.in(chunk).at(i, c));
      a = v.x - a, b = v.y - b;
      StorePair(tiles.first, i, c, a, b);
    });
    __syncthreads();
    // R + (M - I) R: what a token brings itself is not rounded on its way.
    some.template Add<Lies::kStraight, Lies::kStraight>(tiles.inverse, tiles.first, row, 0, 0, row + 16);
    some.ForPairs(row, 0, [&](int i, int c, float a, float b) {
      if (p.inside != nullptr && i < place.rows) {
        *reinterpret_cast<uint32_t*>(p.inside + p.Row(place.first + i, head) * p.inside_width() + column + c) = Pair(a, b);
      }
      const float beta = betas.Of(i);
      StorePair(tiles.second, i, c, beta * a, beta * b);  // U
    });
    AwaitCopies<0>();
    __syncthreads();
    send_first(chunk + 1);
    if (out.data != nullptr) {
      some.Clear();
      some.template Add<Lies::kStraight, Lies::kStraight>(tiles.q_decayed, tiles.state, row, 0, 0, kKeys);
      some.template Add<Lies::kStraight, Lies::kStraight>(tiles.pairs, tiles.second, row, 0, 0, row + 16);
      some.ForPairs(row, 0, [&](int i, int c, float a, float b) {
        if (i < place.rows) WriteTwo(out.at(place.first + i, head), column + c, s.value_dim, p.aligned, a, b);
      });
    }
    if (!place.behind) break;
    decays.Scale(state);
    state.template Add<Lies::kTransposed, Lies::kStraight>(tiles.k_shrunk, tiles.second, state_row, 0, 0, kChunk);
    __syncthreads();
    send_second(chunk + 1);
    state.ForPairs(state_row, 0, [&](int r, int c, float a, float b) { StorePair(tiles.state, r, c, a, b); });
  }
}

template <int kKeys>
__global__ void __launch_bounds__(kMmaThreads, kKeys == 128 ? 2 : 3)
    ChannelBackwardKernel(ChannelDelta p, Lines<const bf16> dout, Lines<bf16> dv) {
  const ChannelPassTiles<kKeys> tiles(DynamicShared());
  const DeltaSizes& s = p.sizes;
  const PassPlace own(s);
  const int row = own.row, state_row = kKeys / 64 * row, head = own.head, column = own.column;
  const int first_chunk = p.firsts[own.document], end = p.firsts[own.document + 1];
  const auto send_first = [&](int chunk) {
    if (chunk >= first_chunk) {
      const ChunkPlace place = p.table[chunk];
      if (place.behind) SendKeys(p, p.k_shrunk, place, head, tiles.k_shrunk);
      SendRows<kSlice, kMmaThreads>(dout, place, head, column, s.value_dim, p.aligned, tiles.in(chunk));
      SendMatrix(p, p.pairs, place, head, tiles.pairs);
    }
    CloseCopies();
  };
  const auto send_second = [&](int chunk) {
    if (chunk >= first_chunk) {
      const ChunkPlace place = p.table[chunk];
      SendMatrix(p, p.inverse, place, head, tiles.inverse);
      if (place.before) {
        SendKeys(p, p.q_decayed, place, head, tiles.q_decayed);
        SendKeys(p, p.k_decayed, place, head, tiles.k_decayed);
      }
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
    const StateDecays<kKeys> decays(p, place, head, state_row);
    const RowBetas betas(p, place, head, own.lane_row);
    AwaitCopies<1>();
    __syncthreads();
    if (place.behind) StoreSlice<kKeys>(tiles.state, p.State<kKeys>(p.dstates, place.first, head, own.slice));
    MmaSums<1, kSlice / 8> some;
    some.Clear();
    if (place.behind) some.template Add<Lies::kStraight, Lies::kStraight>(tiles.k_shrunk, tiles.state, row, 0, 0, kKeys);
    some.template Add<Lies::kTransposed, Lies::kStraight>(tiles.pairs, tiles.in(chunk), row, 0, row, kChunk);
    some.ForPairs(row, 0, [&](int i, int c, float& a, float& b) {
      const float beta = betas.Of(i);
      a *= beta, b *= beta;
      StorePair(tiles.first, i, c, a, b);
    });
    AwaitCopies<0>();
    __syncthreads();
    send_first(chunk - 1);
    some.template Add<Lies::kTransposed, Lies::kStraight>(tiles.inverse, tiles.first, row, 0, row, kChunk);
    some.ForPairs(row, 0, [&](int i, int c, float a, float b) {
      if (i < place.rows) WriteTwo(dv.at(place.first + i, head), column + c, s.value_dim, p.aligned, a, b);
      StorePair(tiles.second, i, c, -a, -b);
    });
    if (!place.before) break;
    __syncthreads();
    decays.Scale(dstate);
    dstate.template Add<Lies::kTransposed, Lies::kStraight>(tiles.q_decayed, tiles.in(chunk), state_row, 0, 0, kChunk);
    dstate.template Add<Lies::kTransposed, Lies::kStraight>(tiles.k_decayed, tiles.second, state_row, 0, 0, kChunk);
    __syncthreads();
    send_second(chunk - 1);
    dstate.ForPairs(state_row, 0, [&](int r, int c, float a, float b) { StorePair(tiles.state, r, c, a, b); });
  }
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_CHANNEL_MMA_CUH_
