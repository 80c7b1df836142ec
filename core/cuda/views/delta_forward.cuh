// The first two steps of the delta rule.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_FORWARD_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_FORWARD_CUH_

#include "core/cuda/views/delta_rule.cuh"

namespace hlm::cuda {

// Floats of dynamic shared memory. All dimensions of keys are padded to kKeys.
template <int kKeys>
constexpr int PairsFloats() {
  return 2 * Tile<kKeys>::Floats(kChunk) + 2 * Tile<kChunk>::Floats(kChunk);
}
template <int kKeys>
constexpr int ForwardFloats() {
  return 2 * Tile<kKeys>::Floats(kChunk) + Tile<kSlice>::Floats(kKeys) + Tile<kSlice>::Floats(kChunk) +
         Tile<kChunk>::Floats(kChunk);
}

// Row after row of the inverse of I + A, where A is strictly lower triangular: a thread has a column. All threads must call it.
__device__ inline void InvertUnitLower(const Tile<kChunk>& a, const Tile<kChunk>& to) {
  const int c = static_cast<int>(threadIdx.x);
  if (c < kChunk) {
    for (int i = 0; i < kChunk; ++i) {
      float x = i == c ? 1.0f : 0.0f;
      for (int j = c; j < i; ++j) x = fmaf(-a(i, j), to(j, c), x);
      to(i, c) = x;
    }
  }
  __syncthreads();
}

// Rows of a chunk's matrix [kChunk, kChunk], between shared memory and a row of kChunk columns for each token and head.
template <class T>
__device__ void StoreMatrix(const DeltaPlaces<T>& p, const ChunkPlace& place, int head, const Tile<kChunk>& from, float* to) {
  for (int i = static_cast<int>(threadIdx.x); i < place.rows * kChunk; i += kChunkThreads) {
    to[p.Row(place.first + i / kChunk, head) * kChunk + i % kChunk] = from(i / kChunk, i % kChunk);
  }
}
template <class T>
__device__ void LoadMatrix(const DeltaPlaces<T>& p, const ChunkPlace& place, int head, const float* from,
                           const Tile<kChunk>& to) {
  for (int i = static_cast<int>(threadIdx.x); i < kChunk * kChunk; i += kChunkThreads) {
    const int row = i / kChunk;
    to(row, i % kChunk) = row < place.rows ? from[p.Row(place.first + row, head) * kChunk + i % kChunk] : 0.0f;
  }
}

template <int kKeys, class T>
__global__ void __launch_bounds__(kChunkThreads) PairsKernel(DeltaPlaces<T> p) {
  extern __shared__ float memory[];
  __shared__ double sums[kChunk];
  __shared__ float beta[kChunk];
  const Tile<kKeys> q{memory}, k{memory + Tile<kKeys>::Floats(kChunk)};
  const Tile<kChunk> system{memory + 2 * Tile<kKeys>::Floats(kChunk)}, inverse{system.data + Tile<kChunk>::Floats(kChunk)};
  const ChunkPlace place = p.table[blockIdx.x];
  const int head = static_cast<int>(blockIdx.y), key_head = head / p.sizes.group(), t = static_cast<int>(threadIdx.x);
  LoadNormed(p.q, place, key_head, p.sizes.key_dim, p.sizes.epsilon, p.sizes.scale, q, nullptr);
  LoadNormed(p.k, place, key_head, p.sizes.key_dim, p.sizes.epsilon, 1, k, nullptr);
  if (t < kChunk) beta[t] = t < place.rows ? p.beta[p.Row(place.first + t, head)] : 0.0f;
  SumGates(p.g + p.Row(place.first, head), p.sizes.heads, place.rows, sums);

  float acc[4][4] = {};
  Multiply<kChunk, kChunk>(
      kKeys, [&](int r, int c) { return q(r, c); }, [&](int r, int c) { return k(c, r); }, acc);
  ForResult<kChunk, kChunk>(acc, [&](int i, int j, float& x) { inverse(i, j) = j <= i ? x * Decay(sums[i] - sums[j]) : 0.0f; });
  __syncthreads();
  StoreMatrix(p, place, head, inverse, p.pairs);
  __syncthreads();
  float keys[4][4] = {};
  Multiply<kChunk, kChunk>(
      kKeys, [&](int r, int c) { return k(r, c); }, [&](int r, int c) { return k(c, r); }, keys);
  ForResult<kChunk, kChunk>(keys, [&](int i, int j, float& x) {
    x = j < i ? x * Decay(sums[i] - sums[j]) : 0.0f;
    system(i, j) = x * beta[j];
  });
  __syncthreads();
  InvertUnitLower(system, inverse);
  StoreMatrix(p, place, head, inverse, p.inverse);
  if (p.inverse_back == nullptr) return;
  __syncthreads();
  ForResult<kChunk, kChunk>(keys, [&](int i, int j, float& x) { system(i, j) = x * beta[i]; });
  __syncthreads();
  InvertUnitLower(system, inverse);
  StoreMatrix(p, place, head, inverse, p.inverse_back);
}

// A block goes through a document with a slice of a head's state. out.data null: states alone.
template <int kKeys, class T>
__global__ void __launch_bounds__(kChunkThreads) DeltaForwardKernel(DeltaPlaces<T> p, Lines<T> out) {
  extern __shared__ float memory[];
  __shared__ double sums[kChunk];
  __shared__ float beta[kChunk], grown[kChunk], shrunk[kChunk];
  const Tile<kKeys> q{memory}, k{memory + Tile<kKeys>::Floats(kChunk)};
  const Tile<kSlice> state{memory + 2 * Tile<kKeys>::Floats(kChunk)}, values{state.data + Tile<kSlice>::Floats(kKeys)};
  const Tile<kChunk> matrix{values.data + Tile<kSlice>::Floats(kChunk)};
  const DeltaSizes& s = p.sizes;
  const int slice = static_cast<int>(blockIdx.x) % s.slices(), head = static_cast<int>(blockIdx.x) / s.slices() % s.heads;
  const int document = static_cast<int>(blockIdx.x) / s.slices() / s.heads, key_head = head / s.group(), column = slice * kSlice;
  const int t = static_cast<int>(threadIdx.x);
  for (int i = t; i < Tile<kSlice>::Floats(kKeys); i += kChunkThreads) state.data[i] = 0;
  for (int chunk = p.firsts[document]; chunk < p.firsts[document + 1]; ++chunk) {
    const ChunkPlace place = p.table[chunk];
    __syncthreads();
    if (p.states != nullptr && place.before) {
      T* to = p.states + (int64_t{place.first / kChunk} * s.heads + head) * s.state();
      for (int i = t; i < s.key_dim * kSlice; i += kChunkThreads) {
        const int r = i / kSlice, c = i % kSlice;
        if (column + c < s.value_dim) to[int64_t{r} * s.value_dim + column + c] = static_cast<T>(state(r, c));
      }
    }
    LoadNormed(p.k, place, key_head, s.key_dim, s.epsilon, 1, k, nullptr);
    if (out.data != nullptr) LoadNormed(p.q, place, key_head, s.key_dim, s.epsilon, s.scale, q, nullptr);
    LoadRows(p.v, place, head, column, s.value_dim, values);
    LoadMatrix(p, place, head, p.inverse, matrix);
    if (t < kChunk) beta[t] = t < place.rows ? p.beta[p.Row(place.first + t, head)] : 0.0f;
    SumGates(p.g + p.Row(place.first, head), s.heads, place.rows, sums);
    if (t < kChunk) {
      grown[t] = Decay(sums[t]);
      shrunk[t] = t < place.rows ? Decay(sums[place.rows - 1] - sums[t]) : 0.0f;
    }
    __syncthreads();
    // What stands in the brackets: V - (K exp(G)) S, by way of the system.
    float rest[4][2] = {};
    Multiply<kChunk, kSlice>(
        kKeys, [&](int r, int c) { return k(r, c); }, [&](int r, int c) { return state(r, c); }, rest);
    ForResult<kChunk, kSlice>(rest, [&](int i, int c, float& x) { values(i, c) -= grown[i] * x; });
    __syncthreads();
    float fresh[4][2] = {};
    Multiply<kChunk, kSlice>(
        kChunk, [&](int r, int c) { return matrix(r, c); }, [&](int r, int c) { return values(r, c); }, fresh);
    __syncthreads();
    ForResult<kChunk, kSlice>(fresh, [&](int i, int c, float& x) {
      if (p.inside != nullptr && i < place.rows && column + c < s.value_dim) {
        p.inside[p.Row(place.first + i, head) * s.value_dim + column + c] = static_cast<T>(x);
      }
      values(i, c) = beta[i] * x;  // U
    });
    if (out.data != nullptr) LoadMatrix(p, place, head, p.pairs, matrix);
    __syncthreads();
    if (out.data != nullptr) {
      float y[4][2] = {};
      Multiply<kChunk, kSlice>(
          kKeys, [&](int r, int c) { return q(r, c); }, [&](int r, int c) { return state(r, c); }, y);
      ForResult<kChunk, kSlice>(y, [&](int i, int, float& x) { x *= grown[i]; });
      Multiply<kChunk, kSlice>(
          kChunk, [&](int r, int c) { return matrix(r, c); }, [&](int r, int c) { return values(r, c); }, y);
      ForResult<kChunk, kSlice>(y, [&](int i, int c, float& x) {
        if (i < place.rows && column + c < s.value_dim) out.at(place.first + i, head)[column + c] = static_cast<T>(x);
      });
    }
    if (!place.behind) break;
    float next[kKeys / 16][2] = {};
    Multiply<kKeys, kSlice>(
        kChunk, [&](int r, int c) { return k(c, r) * shrunk[c]; }, [&](int r, int c) { return values(r, c); }, next);
    __syncthreads();
    const float last = grown[place.rows - 1];
    ForResult<kKeys, kSlice>(next, [&](int r, int c, float& x) { state(r, c) = last * state(r, c) + x; });
  }
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_FORWARD_CUH_
