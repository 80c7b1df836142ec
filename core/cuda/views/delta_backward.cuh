// The last two steps of the delta rule.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_BACKWARD_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_BACKWARD_CUH_

#include "core/cuda/views/delta_forward.cuh"

namespace hlm::cuda {

template <class T>
struct DeltaGradients {
  Lines<const T> dout;
  Lines<T> dq, dk, dv;
  float *dg, *dbeta;  // [tokens, heads]
};

template <int kKeys>
constexpr int BackwardFloats() {
  return 2 * Tile<kKeys>::Floats(kChunk) + Tile<kSlice>::Floats(kKeys) + 2 * Tile<kSlice>::Floats(kChunk) +
         Tile<kChunk>::Floats(kChunk);
}
template <int kKeys>
constexpr int GatherFloats() {
  // Two slices of states, and later two matrices in their place.
  constexpr int kBoth = 2 * Tile<kSlice>::Floats(kKeys), kMatrices = 2 * Tile<kChunk>::Floats(kChunk);
  return 2 * Tile<kKeys>::Floats(kChunk) + 2 * kKeys * kChunk + (kBoth > kMatrices ? kBoth : kMatrices) +
         3 * Tile<kSlice>::Floats(kChunk);
}

// A block goes through a document from its last chunk with a slice of the gradient of a head's state.
template <int kKeys, class T>
__global__ void __launch_bounds__(kChunkThreads) DeltaBackwardKernel(DeltaPlaces<T> p, DeltaGradients<T> g) {
  extern __shared__ float memory[];
  __shared__ double sums[kChunk];
  __shared__ float beta[kChunk], grown[kChunk], shrunk[kChunk];
  const Tile<kKeys> q{memory}, k{memory + Tile<kKeys>::Floats(kChunk)};
  const Tile<kSlice> dstate{memory + 2 * Tile<kKeys>::Floats(kChunk)}, dout{dstate.data + Tile<kSlice>::Floats(kKeys)};
  const Tile<kSlice> dfresh{dout.data + Tile<kSlice>::Floats(kChunk)};
  const Tile<kChunk> matrix{dfresh.data + Tile<kSlice>::Floats(kChunk)};
  const DeltaSizes& s = p.sizes;
  const int slice = static_cast<int>(blockIdx.x) % s.slices(), head = static_cast<int>(blockIdx.x) / s.slices() % s.heads;
  const int document = static_cast<int>(blockIdx.x) / s.slices() / s.heads, key_head = head / s.group(), column = slice * kSlice;
  const int t = static_cast<int>(threadIdx.x);
  for (int i = t; i < Tile<kSlice>::Floats(kKeys); i += kChunkThreads) dstate.data[i] = 0;
  for (int chunk = p.firsts[document + 1] - 1; chunk >= p.firsts[document]; --chunk) {
    const ChunkPlace place = p.table[chunk];
    __syncthreads();
    if (place.behind) {
      T* to = p.dstates + (int64_t{place.first / kChunk} * s.heads + head) * s.state();
      for (int i = t; i < s.key_dim * kSlice; i += kChunkThreads) {
        const int r = i / kSlice, c = i % kSlice;
        if (column + c < s.value_dim) to[int64_t{r} * s.value_dim + column + c] = static_cast<T>(dstate(r, c));
      }
    }
    LoadNormed(p.k, place, key_head, s.key_dim, s.epsilon, 1, k, nullptr);
    LoadNormed(p.q, place, key_head, s.key_dim, s.epsilon, s.scale, q, nullptr);
    LoadRows(g.dout, place, head, column, s.value_dim, dout);
    LoadMatrix(p, place, head, p.pairs, matrix);
    if (t < kChunk) beta[t] = t < place.rows ? p.beta[p.Row(place.first + t, head)] : 0.0f;
    SumGates(p.g + p.Row(place.first, head), s.heads, place.rows, sums);
    if (t < kChunk) {
      grown[t] = t < place.rows ? Decay(sums[t]) : 0.0f;
      shrunk[t] = t < place.rows ? Decay(sums[place.rows - 1] - sums[t]) : 0.0f;
    }
    __syncthreads();
    // dU = P^T dout + (K exp(G_last - G)) dS'
    float d[4][2] = {};
    Multiply<kChunk, kSlice>(
        kKeys, [&](int r, int c) { return k(r, c); }, [&](int r, int c) { return dstate(r, c); }, d);
    ForResult<kChunk, kSlice>(d, [&](int i, int, float& x) { x *= shrunk[i]; });
    Multiply<kChunk, kSlice>(
        kChunk, [&](int r, int c) { return matrix(c, r); }, [&](int r, int c) { return dout(r, c); }, d);
    ForResult<kChunk, kSlice>(d, [&](int i, int c, float& x) { dfresh(i, c) = x; });
    __syncthreads();
    LoadMatrix(p, place, head, p.inverse_back, matrix);
    __syncthreads();
    float x[4][2] = {};
    Multiply<kChunk, kSlice>(
        kChunk, [&](int r, int c) { return matrix(c, r); }, [&](int r, int c) { return dfresh(r, c); }, x);
    __syncthreads();
    ForResult<kChunk, kSlice>(x, [&](int i, int c, float& value) {
      const float y = beta[i] * value;
      dfresh(i, c) = -y;  // what (K exp(G)) S gets
      if (i >= place.rows || column + c >= s.value_dim) return;
      p.back[p.Row(place.first + i, head) * s.value_dim + column + c] = static_cast<T>(value);
      g.dv.at(place.first + i, head)[column + c] = static_cast<T>(y);
    });
    __syncthreads();
    if (!place.before) break;
    // dS = exp(G_last) dS' + (Q exp(G))^T dout - (K exp(G))^T drest
    float next[kKeys / 16][2] = {};
    Multiply<kKeys, kSlice>(
        kChunk, [&](int r, int c) { return q(c, r) * grown[c]; }, [&](int r, int c) { return dout(r, c); }, next);
    Multiply<kKeys, kSlice>(
        kChunk, [&](int r, int c) { return k(c, r) * grown[c]; }, [&](int r, int c) { return dfresh(r, c); }, next);
    const float last = grown[place.rows - 1];
    ForResult<kKeys, kSlice>(next, [&](int r, int c, float& value) { dstate(r, c) = last * dstate(r, c) + value; });
  }
}

// Sum over the 16 threads of a row of results; every thread gets it.
__device__ inline float RowOf16(float x) { return WarpSum(x, 16); }

template <int kKeys, class T>
__global__ void __launch_bounds__(kChunkThreads) DeltaGatherKernel(DeltaPlaces<T> p, DeltaGradients<T> g) {
  extern __shared__ float memory[];
  __shared__ double sums[kChunk];
  __shared__ float beta[kChunk], grown[kChunk], shrunk[kChunk], q_inverse[kChunk], k_inverse[kChunk], dgate[kChunk + 1];
  __shared__ float parts[kChunkThreads / kWarp];
  const DeltaSizes& s = p.sizes;
  const Tile<kKeys> q{memory}, k{memory + Tile<kKeys>::Floats(kChunk)};
  float *dq = memory + 2 * Tile<kKeys>::Floats(kChunk), *dk = dq + kKeys * kChunk;  // each thread's own elements alone
  const Tile<kSlice> dout{dk + kKeys * kChunk}, inside{dout.data + Tile<kSlice>::Floats(kChunk)},
      back{inside.data + Tile<kSlice>::Floats(kChunk)};
  const Tile<kSlice> state{back.data + Tile<kSlice>::Floats(kChunk)}, dstate{state.data + Tile<kSlice>::Floats(kKeys)};
  const Tile<kChunk> pairs{state.data}, keys{pairs.data + Tile<kChunk>::Floats(kChunk)};
  const ChunkPlace place = p.table[blockIdx.x];
  const int key_head = static_cast<int>(blockIdx.y), t = static_cast<int>(threadIdx.x), tx = t % 16, ty = t / 16;
  LoadNormed(p.q, place, key_head, s.key_dim, s.epsilon, s.scale, q, q_inverse);
  LoadNormed(p.k, place, key_head, s.key_dim, s.epsilon, 1, k, k_inverse);
  for (int i = t; i < kKeys * kChunk; i += kChunkThreads) dq[i] = dk[i] = 0;
  const auto load = [&](const T* rows, int head, int column, const Tile<kSlice>& to) {
    for (int i = t; i < kChunk * kSlice; i += kChunkThreads) {
      const int r = i / kSlice, c = column + i % kSlice;
      to(r, i % kSlice) =
          r < place.rows && c < s.value_dim ? static_cast<float>(rows[p.Row(place.first + r, head) * s.value_dim + c]) : 0.0f;
    }
  };
  const auto load_state = [&](const T* states, bool there, int head, int column, const Tile<kSlice>& to) {
    const T* from = states + (int64_t{place.first / kChunk} * s.heads + head) * s.state();
    for (int i = t; i < kKeys * kSlice; i += kChunkThreads) {
      const int r = i / kSlice, c = i % kSlice;
      to(r, c) = there && r < s.key_dim && column + c < s.value_dim
                     ? static_cast<float>(from[int64_t{r} * s.value_dim + column + c])
                     : 0.0f;
    }
  };
  for (int head = key_head * s.group(); head < (key_head + 1) * s.group(); ++head) {
    __syncthreads();
    if (t < kChunk) {
      beta[t] = t < place.rows ? p.beta[p.Row(place.first + t, head)] : 0.0f;
      dgate[t] = 0;
    }
    SumGates(p.g + p.Row(place.first, head), s.heads, place.rows, sums);
    if (t < kChunk) {
      grown[t] = t < place.rows ? Decay(sums[t]) : 0.0f;
      shrunk[t] = t < place.rows ? Decay(sums[place.rows - 1] - sums[t]) : 0.0f;
    }
    float of_q[4][kKeys / 16] = {}, of_k[4][kKeys / 16] = {}, of_shrunk[4][kKeys / 16] = {}, dpairs[4][4] = {}, dkeys[4][4] = {};
    float dbeta[4] = {}, last = 0;
    for (int column = 0; column < s.value_dim; column += kSlice) {
      __syncthreads();
      LoadRows(g.dout, place, head, column, s.value_dim, dout);
      load(p.inside, head, column, inside);
      load(p.back, head, column, back);
      load_state(p.states, place.before, head, column, state);
      load_state(p.dstates, place.behind, head, column, dstate);
      __syncthreads();
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int r = ty + 16 * i;
        dbeta[i] += inside(r, tx) * back(r, tx) + inside(r, tx + 16) * back(r, tx + 16);
      }
      for (int i = t; i < kKeys * kSlice; i += kChunkThreads)
        last += state(i / kSlice, i % kSlice) * dstate(i / kSlice, i % kSlice);
      // U = beta inside, dV = beta back.
      Multiply<kChunk, kKeys>(
          kSlice, [&](int r, int c) { return dout(r, c); }, [&](int r, int c) { return state(c, r); }, of_q);
      Multiply<kChunk, kKeys>(
          kSlice, [&](int r, int c) { return back(r, c); }, [&](int r, int c) { return state(c, r); }, of_k);
      Multiply<kChunk, kKeys>(
          kSlice, [&](int r, int c) { return inside(r, c); }, [&](int r, int c) { return dstate(c, r); }, of_shrunk);
      Multiply<kChunk, kChunk>(
          kSlice, [&](int r, int c) { return dout(r, c); }, [&](int r, int c) { return inside(c, r); }, dpairs);
      Multiply<kChunk, kChunk>(
          kSlice, [&](int r, int c) { return back(r, c); }, [&](int r, int c) { return inside(c, r); }, dkeys);
    }
    // What decayed queries and keys give to their own and to their gates.
    float from_last = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int r = ty + 16 * i;
      float gate = 0, shrinks = 0;
#pragma unroll
      for (int j = 0; j < kKeys / 16; ++j) {
        const int c = tx + 16 * j;
        const float a = of_q[i][j] * grown[r], b = -beta[r] * of_k[i][j] * grown[r], e = beta[r] * of_shrunk[i][j] * shrunk[r];
        dq[r * kKeys + c] += a;
        dk[r * kKeys + c] += b + e;
        gate += a * q(r, c) + b * k(r, c);
        shrinks += e * k(r, c);
      }
      gate = RowOf16(gate - shrinks);
      shrinks = RowOf16(shrinks);
      const float beta_sum = RowOf16(dbeta[i]);
      from_last += tx == 0 ? shrinks : 0.0f;
      if (tx == 0) dgate[r] += gate;
      if (tx == 0 && r < place.rows) g.dbeta[p.Row(place.first + r, head)] = beta_sum;
    }
    from_last += last * grown[place.rows - 1];
    from_last = WarpSum(from_last);
    if (t % kWarp == 0) parts[t / kWarp] = from_last;
    // Pairs: dP and the gradient of D_ij k_i k_j, beside P and L0 made again.
    float products[4][4] = {}, key_products[4][4] = {};
    Multiply<kChunk, kChunk>(
        kKeys, [&](int r, int c) { return q(r, c); }, [&](int r, int c) { return k(c, r); }, products);
    Multiply<kChunk, kChunk>(
        kKeys, [&](int r, int c) { return k(r, c); }, [&](int r, int c) { return k(c, r); }, key_products);
    __syncthreads();
    ForResult<kChunk, kChunk>(
        dpairs, [&](int i, int j, float& x) { x = j <= i && i < place.rows ? x * beta[j] * Decay(sums[i] - sums[j]) : 0.0f; });
    ForResult<kChunk, kChunk>(dkeys, [&](int i, int j, float& x) {
      x = j < i && i < place.rows ? -x * beta[i] * beta[j] * Decay(sums[i] - sums[j]) : 0.0f;
    });
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float sum = 0;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        // Of G_i and of -G_j; nothing of a token with itself.
        products[i][j] = tx + 16 * j < ty + 16 * i ? dpairs[i][j] * products[i][j] + dkeys[i][j] * key_products[i][j] : 0.0f;
        sum += products[i][j];
      }
      sum = RowOf16(sum);
      if (tx == 0) dgate[ty + 16 * i] += sum;
    }
    ForResult<kChunk, kChunk>(products, [&](int i, int j, float& x) { pairs(i, j) = x; });
    __syncthreads();
    if (t < kChunk) {
      float sum = 0;
      for (int i = t; i < kChunk; ++i) sum += pairs(i, t);
      dgate[t] -= sum;
    }
    __syncthreads();
    ForResult<kChunk, kChunk>(dpairs, [&](int i, int j, float& x) { pairs(i, j) = x; });
    ForResult<kChunk, kChunk>(dkeys, [&](int i, int j, float& x) {
      if (j < i) keys(i, j) = keys(j, i) = x;  // k_i k_j is of both
      if (j == i) keys(i, i) = 0;
    });
    __syncthreads();
    float to_q[4][kKeys / 16] = {}, to_k[4][kKeys / 16] = {};
    Multiply<kChunk, kKeys>(
        kChunk, [&](int r, int c) { return pairs(r, c); }, [&](int r, int c) { return k(r, c); }, to_q);
    Multiply<kChunk, kKeys>(
        kChunk, [&](int r, int c) { return pairs(c, r); }, [&](int r, int c) { return q(r, c); }, to_k);
    Multiply<kChunk, kKeys>(
        kChunk, [&](int r, int c) { return keys(r, c); }, [&](int r, int c) { return k(r, c); }, to_k);
    ForResult<kChunk, kKeys>(to_q, [&](int r, int c, float& x) { dq[r * kKeys + c] += x; });
    ForResult<kChunk, kKeys>(to_k, [&](int r, int c, float& x) { dk[r * kKeys + c] += x; });
    // g_t is in every sum from its own token's on.
    if (t < place.rows) {
      double sum = 0;
      for (int w = 0; w < kChunkThreads / kWarp; ++w) sum += static_cast<double>(parts[w]);
      for (int i = place.rows - 1; i >= t; --i) sum += static_cast<double>(dgate[i]);
      g.dg[p.Row(place.first + t, head)] = static_cast<float>(sum);
    }
  }
  // Of x / |x| scale: (d - n (n d)) scale / |x|.
  const auto write = [&](const float* d, const Tile<kKeys>& normed, const float* inverse, float scale, const Lines<T>& to) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int r = ty + 16 * i;
      float dot = 0;
#pragma unroll
      for (int j = 0; j < kKeys / 16; ++j) dot += d[r * kKeys + tx + 16 * j] * normed(r, tx + 16 * j);
      dot = RowOf16(dot) / (scale * scale);
#pragma unroll
      for (int j = 0; j < kKeys / 16; ++j) {
        const int c = tx + 16 * j;
        if (r < place.rows && c < s.key_dim) {
          to.at(place.first + r, key_head)[c] = static_cast<T>((d[r * kKeys + c] - dot * normed(r, c)) * scale * inverse[r]);
        }
      }
    }
  };
  write(dq, q, q_inverse, s.scale, g.dq);
  write(dk, k, k_inverse, 1.0f, g.dk);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_BACKWARD_CUH_
