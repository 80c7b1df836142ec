// Mamba-2's state space in chunks (core/cpu/state_chunk.h has the formulas), in steps like those of the delta rule: products of c and b
// for each chunk and group, the states forward and their gradients backward by document, head and slice of columns, and what heads
// share (b, c) by chunk and group, over the group's heads in order.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_STATE_SPACE_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_STATE_SPACE_CUH_

#include "core/cuda/views/chunks.cuh"
#include "core/device/args/recurrence.h"

namespace hlm::cuda {

struct StateSizes {
  int heads, groups, head_dim, state_dim;
  __host__ __device__ int group() const { return heads / groups; }
  __host__ __device__ int slices() const { return (head_dim + kSlice - 1) / kSlice; }
  __host__ __device__ int64_t state() const { return int64_t{state_dim} * head_dim; }
};

template <class T>
struct StatePlaces {
  StateSizes sizes;
  Lines<const T> x, b, c;
  const float *g, *step;  // [tokens, heads]
  const T* d;             // [heads]
  const ChunkPlace* table;
  const int* firsts;
  float* both;          // c_i b_j: by token and group, a row of kChunk columns
  T *states, *dstates;  // [slots, heads, state_dim, head_dim]; null where no backward pass follows
  float *db, *dc;       // sums over a group's heads, [tokens, groups, rows of a wide state]; null where they fit shared memory

  __device__ int64_t Row(int64_t token, int head) const { return token * sizes.heads + head; }
};

template <class T>
struct StateGradients {
  Lines<const T> dy;
  Lines<T> dx, db, dc;
  float *dg, *dstep;  // [tokens, heads]
  float* dd;          // [chunks, heads]: parts of it
};

// Floats of dynamic shared memory; the state's rows are padded to kRows.
template <int kRows>
constexpr int BothFloats() {
  return 2 * Tile<kRows>::Floats(kChunk);
}
template <int kRows>
constexpr int StatesFloats() {
  return 2 * Tile<kRows>::Floats(kChunk) + Tile<kSlice>::Floats(kRows) + 2 * Tile<kSlice>::Floats(kChunk) +
         Tile<kChunk>::Floats(kChunk);
}
// Whether the sums of db and dc over a group's heads lie in shared memory beside all else.
template <int kRows>
__host__ __device__ constexpr bool SumsFit() {
  return kRows <= 128;
}
template <int kRows>
constexpr int SharedFloats() {
  constexpr int kBoth = 2 * Tile<kSlice>::Floats(kRows), kMatrix = Tile<kChunk>::Floats(kChunk);
  return 2 * Tile<kRows>::Floats(kChunk) + (SumsFit<kRows>() ? 2 * kRows * kChunk : 0) + (kBoth > kMatrix ? kBoth : kMatrix) +
         2 * Tile<kSlice>::Floats(kChunk);
}
// Element (row, k) of a chunk's sums, which only one thread touches between two barriers. In global memory only rows of tokens are there.
template <int kRows>
struct ChunkSums {
  float* data;
  int64_t row;  // distance
  int rows;
  __device__ void Add(int r, int k, float x) const {
    if (SumsFit<kRows>() || r < rows) data[r * row + k] += x;
  }
  __device__ float At(int r, int k) const { return SumsFit<kRows>() || r < rows ? data[r * row + k] : 0.0f; }
};

template <int kRows, class T>
__global__ void __launch_bounds__(kChunkThreads) BothKernel(StatePlaces<T> p) {
  extern __shared__ float memory[];
  const Tile<kRows> b{memory}, c{memory + Tile<kRows>::Floats(kChunk)};
  const ChunkPlace place = p.table[blockIdx.x];
  const int group = static_cast<int>(blockIdx.y);
  LoadRows(p.b, place, group, 0, p.sizes.state_dim, b);
  LoadRows(p.c, place, group, 0, p.sizes.state_dim, c);
  __syncthreads();
  float acc[4][4] = {};
  Multiply<kChunk, kChunk>(
      kRows, [&](int i, int k) { return c(i, k); }, [&](int k, int j) { return b(j, k); }, acc);
  ForResult<kChunk, kChunk>(acc, [&](int i, int j, float& x) {
    if (i < place.rows) p.both[((place.first + i) * int64_t{p.sizes.groups} + group) * kChunk + j] = x;
  });
}

// The gates of a chunk's tokens in shared memory; all threads must call it. Where there is no token: no step.
struct ChunkGates {
  double* sums;
  float *step, *grown, *shrunk;
};
template <class T>
__device__ void LoadGates(const StatePlaces<T>& p, const ChunkPlace& place, int head, const ChunkGates& gates) {
  const int t = static_cast<int>(threadIdx.x);
  SumGates(p.g + p.Row(place.first, head), p.sizes.heads, place.rows, gates.sums);
  if (t < kChunk) {
    const bool there = t < place.rows;
    gates.step[t] = there ? p.step[p.Row(place.first + t, head)] : 0.0f;
    gates.grown[t] = there ? Decay(gates.sums[t]) : 0.0f;
    gates.shrunk[t] = there ? Decay(gates.sums[place.rows - 1] - gates.sums[t]) : 0.0f;
  }
  __syncthreads();
}

// P_ij = D_ij step_j c_i b_j, j <= i.
template <class T>
__device__ void LoadPairs(const StatePlaces<T>& p, const ChunkPlace& place, int group, const ChunkGates& gates,
                          const Tile<kChunk>& to) {
  for (int at = static_cast<int>(threadIdx.x); at < kChunk * kChunk; at += kChunkThreads) {
    const int i = at / kChunk, j = at % kChunk;
    const float both =
        i < place.rows && j <= i ? p.both[((place.first + i) * int64_t{p.sizes.groups} + group) * kChunk + j] : 0.0f;
    to(i, j) = j <= i ? both * gates.step[j] * Decay(gates.sums[i] - gates.sums[j]) : 0.0f;
  }
}

// A slice of a state, between shared memory and its slot.
template <class T>
__device__ void StoreState(const StateSizes& s, T* states, int first, int head, int column, const Tile<kSlice>& from) {
  T* to = states + (int64_t{first / kChunk} * s.heads + head) * s.state();
  for (int i = static_cast<int>(threadIdx.x); i < s.state_dim * kSlice; i += kChunkThreads) {
    const int r = i / kSlice, c = column + i % kSlice;
    if (c < s.head_dim) to[int64_t{r} * s.head_dim + c] = static_cast<T>(from(r, i % kSlice));
  }
}
template <int kRows, class T>
__device__ void LoadState(const StateSizes& s, const T* states, bool there, int first, int head, int column,
                          const Tile<kSlice>& to) {
  const T* from = states + (int64_t{first / kChunk} * s.heads + head) * s.state();
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kSlice; i += kChunkThreads) {
    const int r = i / kSlice, c = column + i % kSlice;
    to(r, i % kSlice) = there && r < s.state_dim && c < s.head_dim ? static_cast<float>(from[int64_t{r} * s.head_dim + c]) : 0.0f;
  }
}

// A block goes through a document with a slice of a head's state. y.data null: states alone.
template <int kRows, class T>
__global__ void __launch_bounds__(kChunkThreads) StatesForwardKernel(StatePlaces<T> p, Lines<T> y) {
  extern __shared__ float memory[];
  __shared__ double sums[kChunk];
  __shared__ float step[kChunk], grown[kChunk], shrunk[kChunk];
  const ChunkGates gates{sums, step, grown, shrunk};
  const Tile<kRows> b{memory}, c{memory + Tile<kRows>::Floats(kChunk)};
  const Tile<kSlice> state{memory + 2 * Tile<kRows>::Floats(kChunk)}, x{state.data + Tile<kSlice>::Floats(kRows)};
  const Tile<kChunk> pairs{x.data + 2 * Tile<kSlice>::Floats(kChunk)};
  const StateSizes& s = p.sizes;
  const int slice = static_cast<int>(blockIdx.x) % s.slices(), head = static_cast<int>(blockIdx.x) / s.slices() % s.heads;
  const int document = static_cast<int>(blockIdx.x) / s.slices() / s.heads, group = head / s.group(), column = slice * kSlice;
  const float d = static_cast<float>(p.d[head]);
  for (int i = static_cast<int>(threadIdx.x); i < Tile<kSlice>::Floats(kRows); i += kChunkThreads) state.data[i] = 0;
  for (int chunk = p.firsts[document]; chunk < p.firsts[document + 1]; ++chunk) {
    const ChunkPlace place = p.table[chunk];
    __syncthreads();
    if (p.states != nullptr && place.before) StoreState(s, p.states, place.first, head, column, state);
    LoadRows(p.b, place, group, 0, s.state_dim, b);
    LoadRows(p.x, place, head, column, s.head_dim, x);
    LoadGates(p, place, head, gates);
    if (y.data != nullptr) {
      LoadRows(p.c, place, group, 0, s.state_dim, c);
      LoadPairs(p, place, group, gates, pairs);
      __syncthreads();
      float acc[4][2] = {};
      Multiply<kChunk, kSlice>(
          kRows, [&](int i, int k) { return c(i, k); }, [&](int k, int j) { return state(k, j); }, acc);
      ForResult<kChunk, kSlice>(acc, [&](int i, int j, float& value) { value = value * grown[i] + d * x(i, j); });
      Multiply<kChunk, kSlice>(
          kChunk, [&](int i, int k) { return pairs(i, k); }, [&](int k, int j) { return x(k, j); }, acc);
      ForResult<kChunk, kSlice>(acc, [&](int i, int j, float& value) {
        if (i < place.rows && column + j < s.head_dim) y.at(place.first + i, head)[column + j] = static_cast<T>(value);
      });
    }
    if (!place.behind) break;
    float next[kRows / 16][2] = {};
    Multiply<kRows, kSlice>(
        kChunk, [&](int i, int k) { return b(k, i) * (shrunk[k] * step[k]); }, [&](int k, int j) { return x(k, j); }, next);
    __syncthreads();
    const float last = grown[place.rows - 1];
    ForResult<kRows, kSlice>(next, [&](int i, int j, float& value) { state(i, j) = last * state(i, j) + value; });
  }
}

// The same from the last chunk on, with the gradient of the state: dx on the way.
template <int kRows, class T>
__global__ void __launch_bounds__(kChunkThreads) StatesBackwardKernel(StatePlaces<T> p, StateGradients<T> g) {
  extern __shared__ float memory[];
  __shared__ double sums[kChunk];
  __shared__ float step[kChunk], grown[kChunk], shrunk[kChunk];
  const ChunkGates gates{sums, step, grown, shrunk};
  const Tile<kRows> b{memory}, c{memory + Tile<kRows>::Floats(kChunk)};
  const Tile<kSlice> dstate{memory + 2 * Tile<kRows>::Floats(kChunk)}, dy{dstate.data + Tile<kSlice>::Floats(kRows)};
  const Tile<kChunk> pairs{dy.data + 2 * Tile<kSlice>::Floats(kChunk)};
  const StateSizes& s = p.sizes;
  const int slice = static_cast<int>(blockIdx.x) % s.slices(), head = static_cast<int>(blockIdx.x) / s.slices() % s.heads;
  const int document = static_cast<int>(blockIdx.x) / s.slices() / s.heads, group = head / s.group(), column = slice * kSlice;
  const float d = static_cast<float>(p.d[head]);
  for (int i = static_cast<int>(threadIdx.x); i < Tile<kSlice>::Floats(kRows); i += kChunkThreads) dstate.data[i] = 0;
  for (int chunk = p.firsts[document + 1] - 1; chunk >= p.firsts[document]; --chunk) {
    const ChunkPlace place = p.table[chunk];
    __syncthreads();
    if (place.behind) StoreState(s, p.dstates, place.first, head, column, dstate);
    LoadRows(p.b, place, group, 0, s.state_dim, b);
    LoadRows(p.c, place, group, 0, s.state_dim, c);
    LoadRows(g.dy, place, head, column, s.head_dim, dy);
    LoadGates(p, place, head, gates);
    LoadPairs(p, place, group, gates, pairs);
    __syncthreads();
    float acc[4][2] = {};
    Multiply<kChunk, kSlice>(
        kRows, [&](int i, int k) { return b(i, k); }, [&](int k, int j) { return dstate(k, j); }, acc);
    ForResult<kChunk, kSlice>(acc, [&](int i, int j, float& value) { value = value * step[i] * shrunk[i] + d * dy(i, j); });
    Multiply<kChunk, kSlice>(
        kChunk, [&](int i, int k) { return pairs(k, i); }, [&](int k, int j) { return dy(k, j); }, acc);
    ForResult<kChunk, kSlice>(acc, [&](int i, int j, float& value) {
      if (i < place.rows && column + j < s.head_dim) g.dx.at(place.first + i, head)[column + j] = static_cast<T>(value);
    });
    if (!place.before) break;
    float next[kRows / 16][2] = {};
    Multiply<kRows, kSlice>(
        kChunk, [&](int i, int k) { return c(k, i) * grown[k]; }, [&](int k, int j) { return dy(k, j); }, next);
    __syncthreads();
    const float last = grown[place.rows - 1];
    ForResult<kRows, kSlice>(next, [&](int i, int j, float& value) { dstate(i, j) = last * dstate(i, j) + value; });
  }
}

// Sum over the 16 threads of a row of results, and over a block; every thread gets it.
__device__ inline float SumOf16(float x) { return WarpSum(x, 16); }
__device__ inline float SumOfBlock(float x, float* parts) {
  const int t = static_cast<int>(threadIdx.x);
  x = WarpSum(x);
  __syncthreads();
  if (t % kWarp == 0) parts[t / kWarp] = x;
  __syncthreads();
  float sum = 0;
  for (int w = 0; w < kChunkThreads / kWarp; ++w) sum += parts[w];
  return sum;
}

template <int kRows, class T>
__global__ void __launch_bounds__(kChunkThreads) StatesGatherKernel(StatePlaces<T> p, StateGradients<T> g) {
  extern __shared__ float memory[];
  __shared__ double sums[kChunk];
  __shared__ float step[kChunk], grown[kChunk], shrunk[kChunk], dgate[kChunk], dstep[kChunk], parts[kChunkThreads / kWarp];
  const ChunkGates gates{sums, step, grown, shrunk};
  const StateSizes& s = p.sizes;
  const Tile<kRows> b{memory}, c{memory + Tile<kRows>::Floats(kChunk)};
  float* const behind = memory + 2 * Tile<kRows>::Floats(kChunk);
  const Tile<kSlice> dy{behind + (SumsFit<kRows>() ? 2 * kRows * kChunk : 0)}, x{dy.data + Tile<kSlice>::Floats(kChunk)};
  const Tile<kSlice> state{x.data + Tile<kSlice>::Floats(kChunk)}, dstate{state.data + Tile<kSlice>::Floats(kRows)};
  const Tile<kChunk> pairs{state.data};
  const ChunkPlace place = p.table[blockIdx.x];
  const int group = static_cast<int>(blockIdx.y), t = static_cast<int>(threadIdx.x), tx = t % 16, ty = t / 16;
  LoadRows(p.b, place, group, 0, s.state_dim, b);
  LoadRows(p.c, place, group, 0, s.state_dim, c);
  const int64_t own = (int64_t{place.first} * s.groups + group) * kRows, distance = int64_t{s.groups} * kRows;
  const ChunkSums<kRows> db =
      SumsFit<kRows>() ? ChunkSums<kRows>{behind, kRows, kChunk} : ChunkSums<kRows>{p.db + own, distance, place.rows};
  const ChunkSums<kRows> dc = SumsFit<kRows>() ? ChunkSums<kRows>{behind + kRows * kChunk, kRows, kChunk}
                                               : ChunkSums<kRows>{p.dc + own, distance, place.rows};
  for (int i = t; i < kRows * db.rows; i += kChunkThreads) {
    db.data[i / kRows * db.row + i % kRows] = 0;
    dc.data[i / kRows * dc.row + i % kRows] = 0;
  }
  __syncthreads();
  float both[4][4] = {}, dboth[4][4] = {};
  Multiply<kChunk, kChunk>(
      kRows, [&](int i, int k) { return c(i, k); }, [&](int k, int j) { return b(j, k); }, both);
  for (int head = group * s.group(); head < (group + 1) * s.group(); ++head) {
    LoadGates(p, place, head, gates);
    float of_c[4][kRows / 16] = {}, of_b[4][kRows / 16] = {}, dpairs[4][4] = {}, last = 0, skip = 0;
    for (int column = 0; column < s.head_dim; column += kSlice) {
      __syncthreads();
      LoadRows(g.dy, place, head, column, s.head_dim, dy);
      LoadRows(p.x, place, head, column, s.head_dim, x);
      LoadState<kRows>(s, p.states, place.before, place.first, head, column, state);
      LoadState<kRows>(s, p.dstates, place.behind, place.first, head, column, dstate);
      __syncthreads();
      for (int i = t; i < kRows * kSlice; i += kChunkThreads)
        last += state(i / kSlice, i % kSlice) * dstate(i / kSlice, i % kSlice);
      for (int i = t; i < kChunk * kSlice; i += kChunkThreads) skip += dy(i / kSlice, i % kSlice) * x(i / kSlice, i % kSlice);
      Multiply<kChunk, kRows>(
          kSlice, [&](int i, int k) { return dy(i, k); }, [&](int k, int j) { return state(j, k); }, of_c);
      Multiply<kChunk, kRows>(
          kSlice, [&](int i, int k) { return x(i, k); }, [&](int k, int j) { return dstate(j, k); }, of_b);
      Multiply<kChunk, kChunk>(
          kSlice, [&](int i, int k) { return dy(i, k); }, [&](int k, int j) { return x(j, k); }, dpairs);
    }
    float from_last = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int r = ty + 16 * i;
      float gate = 0, steps = 0;
#pragma unroll
      for (int j = 0; j < kRows / 16; ++j) {
        const int k = tx + 16 * j;
        const float a = of_c[i][j] * grown[r], e = of_b[i][j] * shrunk[r];
        dc.Add(r, k, a);
        db.Add(r, k, e * step[r]);
        gate += a * c(r, k);
        steps += e * b(r, k);
      }
      gate = SumOf16(gate);
      steps = SumOf16(steps);
      float row = 0;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int column = tx + 16 * j;
        const float decay = column <= r && r < place.rows ? Decay(sums[r] - sums[column]) : 0.0f;
        dboth[i][j] += dpairs[i][j] * decay * step[column];
        dpairs[i][j] *= decay * both[i][j];                  // of a step
        if (column < r) row += dpairs[i][j] * step[column];  // a token's own decay stands in neither sum
      }
      row = SumOf16(row);
      if (tx == 0) {
        dgate[r] = gate + row - steps * step[r];
        dstep[r] = steps;
        from_last += steps * step[r];
      }
    }
    from_last = SumOfBlock(from_last + last * grown[place.rows - 1], parts);  // all threads are behind the states by now
    skip = SumOfBlock(skip, parts);
    ForResult<kChunk, kChunk>(dpairs, [&](int i, int j, float& value) { pairs(i, j) = value; });
    __syncthreads();
    if (t < kChunk) {
      float column = 0;
      for (int i = t + 1; i < kChunk; ++i) column += pairs(i, t);
      dgate[t] -= column * step[t];
      dstep[t] += column + pairs(t, t);
    }
    __syncthreads();
    if (t < place.rows) {
      // g_t is in every sum from its own token's on.
      double sum = static_cast<double>(from_last);
      for (int i = place.rows - 1; i >= t; --i) sum += static_cast<double>(dgate[i]);
      g.dg[p.Row(place.first + t, head)] = static_cast<float>(sum);
      g.dstep[p.Row(place.first + t, head)] = dstep[t];
    }
    if (t == 0) g.dd[int64_t{blockIdx.x} * s.heads + head] = skip;
    __syncthreads();
  }
  ForResult<kChunk, kChunk>(dboth, [&](int i, int j, float& value) { pairs(i, j) = value; });
  __syncthreads();
  float to_c[4][kRows / 16] = {}, to_b[4][kRows / 16] = {};
  Multiply<kChunk, kRows>(
      kChunk, [&](int i, int k) { return pairs(i, k); }, [&](int k, int j) { return b(k, j); }, to_c);
  Multiply<kChunk, kRows>(
      kChunk, [&](int i, int k) { return pairs(k, i); }, [&](int k, int j) { return c(k, j); }, to_b);
  ForResult<kChunk, kRows>(to_c, [&](int i, int k, float& value) {
    if (i < place.rows && k < s.state_dim) g.dc.at(place.first + i, group)[k] = static_cast<T>(value + dc.At(i, k));
  });
  ForResult<kChunk, kRows>(to_b, [&](int i, int k, float& value) {
    if (i < place.rows && k < s.state_dim) g.db.at(place.first + i, group)[k] = static_cast<T>(value + db.At(i, k));
  });
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_STATE_SPACE_CUH_
