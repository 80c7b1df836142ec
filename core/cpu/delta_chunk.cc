#include "core/cpu/delta_chunk.h"

#include <cmath>

#include "core/cpu/product.h"

namespace hlm {
namespace {

// c (+)= a b, with dense rows; `ta`: a is [k, m], `tb`: b is [n, k].
bool Multiply(int64_t m, int64_t n, int64_t k, const float* a, bool ta, const float* b, bool tb, bool add, float* c) {
  return TryProductF32({m, n, k, ta, tb, ta ? m : k, tb ? k : n, n}, a, b, add, c);
}

float Dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// exp of a difference of sums.
float Decay(double log) { return std::exp(static_cast<float>(log)); }

}  // namespace

DeltaChunk::DeltaChunk(const DeltaSizes& sizes, Scratch& scratch, bool backward) : sizes_(sizes) {
  const int64_t rows = sizes.chunk(), keys = rows * sizes.key_dim, values = rows * sizes.value_dim;
  sums_ = reinterpret_cast<double*>(scratch.Take(2 * rows * sizes.gates()));
  grown_ = scratch.Take(rows * sizes.gates());
  shrunk_ = scratch.Take(rows * sizes.gates());
  last_ = scratch.Take(sizes.key_dim);
  q_decayed_ = scratch.Take(keys);
  k_decayed_ = scratch.Take(keys);
  k_shrunk_ = scratch.Take(keys);
  decay_ = scratch.Take(rows * rows);
  pairs_ = scratch.Take(rows * rows);
  keys_ = scratch.Take(rows * rows);
  rest_ = scratch.Take(values);
  fresh_ = scratch.Take(values);
  if (!backward) return;
  dfresh_ = scratch.Take(values);
  dpairs_ = scratch.Take(rows * rows);
  dkeys_ = scratch.Take(rows * rows);
  dwide_ = scratch.Take(keys);
  dgate_ = scratch.Take((rows + 1) * sizes.gates());  // the last one: of G_last, by way of the state
}

void DeltaChunk::Decays() {
  const int64_t gates = sizes_.gates(), dim = sizes_.key_dim, rows = t_.rows;
  for (int64_t w = 0; w < gates; ++w) {
    double sum = 0;
    for (int64_t i = 0; i < rows; ++i) {
      sum += static_cast<double>(t_.g[i * t_.g_stride + w]);
      sums_[i * gates + w] = sum;
      grown_[i * gates + w] = Decay(sum);
    }
    for (int64_t i = 0; i < rows; ++i) shrunk_[i * gates + w] = Decay(sums_[(rows - 1) * gates + w] - sums_[i * gates + w]);
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < dim; ++c) {
      const int64_t at = i * dim + c, gate = i * gates + (gates > 1 ? c : 0);
      q_decayed_[at] = t_.q[at] * grown_[gate];
      k_decayed_[at] = t_.k[at] * grown_[gate];
      k_shrunk_[at] = t_.k[at] * shrunk_[gate];
    }
  }
  for (int64_t c = 0; c < dim; ++c) last_[c] = grown_[(rows - 1) * gates + (gates > 1 ? c : 0)];
}

bool DeltaChunk::Pairs() {
  if (sizes_.by_channel) {
    ChannelPairs();
    return true;
  }
  const int64_t rows = t_.rows, dim = sizes_.key_dim;
  if (!Multiply(rows, rows, dim, t_.q, false, t_.k, true, false, pairs_)) return false;
  if (!Multiply(rows, rows, dim, t_.k, false, t_.k, true, false, keys_)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      const int64_t at = i * rows + j;
      decay_[at] = j <= i ? Decay(sums_[i] - sums_[j]) : 0.0f;
      pairs_[at] = j <= i ? pairs_[at] * decay_[at] : 0.0f;
      keys_[at] = j < i ? keys_[at] * decay_[at] : 0.0f;
    }
  }
  return true;
}

void DeltaChunk::ChannelPairs() {
  const int64_t rows = t_.rows, dim = sizes_.key_dim;
  std::fill_n(pairs_, rows * rows, 0.0f);
  std::fill_n(keys_, rows * rows, 0.0f);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      float pair = 0, key = 0;
      for (int64_t c = 0; c < dim; ++c) {
        const float k = t_.k[j * dim + c] * Decay(sums_[i * dim + c] - sums_[j * dim + c]);
        pair += t_.q[i * dim + c] * k;
        key += t_.k[i * dim + c] * k;
      }
      pairs_[i * rows + j] = pair;
      if (j < i) keys_[i * rows + j] = key;
    }
  }
}

// U row after row: U_i = beta_i (rest_i - sum over j < i of D_ij k_i k_j U_j). What stands in the brackets becomes the rest.
void DeltaChunk::Solve() {
  const int64_t rows = t_.rows, dim = sizes_.value_dim;
  for (int64_t i = 0; i < rows; ++i) {
    float* rest = rest_ + i * dim;
    for (int64_t j = 0; j < i; ++j) {
      const float factor = keys_[i * rows + j], *from = fresh_ + j * dim;
      for (int64_t c = 0; c < dim; ++c) rest[c] -= factor * from[c];
    }
    const float beta = t_.beta[i * t_.beta_stride];
    for (int64_t c = 0; c < dim; ++c) fresh_[i * dim + c] = beta * rest[c];
  }
}

bool DeltaChunk::Begin(const Tokens& tokens, const float* state) {
  t_ = tokens;
  Decays();
  if (!Pairs()) return false;
  const int64_t rows = t_.rows, values = rows * sizes_.value_dim;
  if (!Multiply(rows, sizes_.value_dim, sizes_.key_dim, k_decayed_, false, state, false, false, rest_)) return false;
  for (int64_t i = 0; i < values; ++i) rest_[i] = t_.v[i] - rest_[i];
  Solve();
  return true;
}

bool DeltaChunk::Output(const float* state, float* out) {
  const int64_t rows = t_.rows, dim = sizes_.value_dim;
  return Multiply(rows, dim, sizes_.key_dim, q_decayed_, false, state, false, false, out) &&
         Multiply(rows, dim, rows, pairs_, false, fresh_, false, true, out);
}

bool DeltaChunk::Advance(float* state) {
  const int64_t dim = sizes_.value_dim;
  for (int64_t r = 0; r < sizes_.key_dim; ++r) {
    for (int64_t c = 0; c < dim; ++c) state[r * dim + c] *= last_[r];
  }
  return Multiply(sizes_.key_dim, dim, t_.rows, k_shrunk_, true, fresh_, false, true, state);
}

// dU becomes diag(beta) X, where X = (I + L)^-T dU; dbeta_i is X_i times the brackets of Solve.
void DeltaChunk::SolveTransposed(const Gradients& to) {
  const int64_t rows = t_.rows, dim = sizes_.value_dim;
  for (int64_t i = rows; i-- > 0;) {
    float* x = dfresh_ + i * dim;
    for (int64_t j = i + 1; j < rows; ++j) {
      const float factor = keys_[j * rows + i], *from = dfresh_ + j * dim;  // beta_j X_j
      for (int64_t c = 0; c < dim; ++c) x[c] -= factor * from[c];
    }
    to.dbeta[i * to.dbeta_stride] = Dot(x, rest_ + i * dim, dim);
    const float beta = t_.beta[i * t_.beta_stride];
    for (int64_t c = 0; c < dim; ++c) x[c] *= beta;
  }
}

bool DeltaChunk::Backward(const float* state, float* dstate, const Gradients& to) {
  const int64_t rows = t_.rows, keys = sizes_.key_dim, dim = sizes_.value_dim, gates = sizes_.gates();
  std::fill_n(dgate_, (rows + 1) * gates, 0.0f);
  const auto gate_of = [&](int64_t row, int64_t c) { return row * gates + (gates > 1 ? c : 0); };
  // What a decayed key or query gives to its own and to its gate.
  const auto give = [&](const float* decayed, const float* factor, float sign, float* d) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t c = 0; c < keys; ++c) {
        const int64_t at = i * keys + c;
        d[at] += dwide_[at] * factor[gate_of(i, c)];
        dgate_[gate_of(i, c)] += sign * dwide_[at] * decayed[at];
        if (sign < 0) dgate_[gate_of(rows, c)] += dwide_[at] * decayed[at];
      }
    }
  };

  // dU = P^T dout + (K exp(G_last - G)) dS'
  if (!Multiply(rows, dim, rows, pairs_, true, to.dout, false, false, dfresh_)) return false;
  if (!Multiply(rows, dim, keys, k_shrunk_, false, dstate, false, true, dfresh_)) return false;
  if (!Multiply(rows, rows, dim, to.dout, false, fresh_, true, false, dpairs_)) return false;
  if (!Multiply(rows, keys, dim, to.dout, false, state, true, false, dwide_)) return false;
  give(q_decayed_, grown_, 1, to.dq);
  if (!Multiply(rows, keys, dim, fresh_, false, dstate, true, false, dwide_)) return false;
  give(k_shrunk_, shrunk_, -1, to.dk);
  for (int64_t r = 0; r < keys; ++r) dgate_[gate_of(rows, r)] += last_[r] * Dot(state + r * dim, dstate + r * dim, dim);

  // beta_i X_i is the gradient of V - (K exp(G)) S, and -beta_i X_i U_j that of D_ij k_i k_j.
  SolveTransposed(to);
  if (!Multiply(rows, rows, dim, dfresh_, false, fresh_, true, false, dkeys_)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      float& d = dkeys_[i * rows + j];
      d = j < i ? -d : 0.0f;
      if (j > i) dpairs_[i * rows + j] = 0;
    }
  }
  for (int64_t i = 0; i < rows * dim; ++i) to.dv[i] = dfresh_[i];
  if (!Multiply(rows, keys, dim, dfresh_, false, state, true, false, dwide_)) return false;
  for (int64_t i = 0; i < rows * keys; ++i) dwide_[i] = -dwide_[i];
  give(k_decayed_, grown_, 1, to.dk);

  // dS = exp(G_last) dS' + (Q exp(G))^T dout - (K exp(G))^T drest
  for (int64_t r = 0; r < keys; ++r) {
    for (int64_t c = 0; c < dim; ++c) dstate[r * dim + c] *= last_[r];
  }
  if (!Multiply(keys, dim, rows, q_decayed_, true, to.dout, false, true, dstate)) return false;
  for (int64_t i = 0; i < rows * dim; ++i) dfresh_[i] = -dfresh_[i];
  if (!Multiply(keys, dim, rows, k_decayed_, true, dfresh_, false, true, dstate)) return false;

  if (!PairGradients(to)) return false;
  WriteDecayGradients(to);
  return true;
}

bool DeltaChunk::PairGradients(const Gradients& to) {
  if (sizes_.by_channel) {
    ChannelPairGradients(to);
    return true;
  }
  const int64_t rows = t_.rows, keys = sizes_.key_dim;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      const int64_t at = i * rows + j;
      const float d = dpairs_[at] * pairs_[at] + dkeys_[at] * keys_[at];
      dgate_[i] += d;
      dgate_[j] -= d;
      dpairs_[at] *= decay_[at];
      dkeys_[at] *= decay_[at];
      dkeys_[j * rows + i] = dkeys_[at];  // k_i k_j is of both
    }
  }
  return Multiply(rows, keys, rows, dpairs_, false, t_.k, false, true, to.dq) &&
         Multiply(rows, keys, rows, dpairs_, true, t_.q, false, true, to.dk) &&
         Multiply(rows, keys, rows, dkeys_, false, t_.k, false, true, to.dk);
}

void DeltaChunk::ChannelPairGradients(const Gradients& to) {
  const int64_t rows = t_.rows, dim = sizes_.key_dim;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      const float pair = dpairs_[i * rows + j], key = dkeys_[i * rows + j];
      for (int64_t c = 0; c < dim; ++c) {
        const int64_t a = i * dim + c, b = j * dim + c;
        const float decay = Decay(sums_[a] - sums_[b]), q = t_.q[a], ki = t_.k[a], kj = t_.k[b];
        to.dq[a] += pair * kj * decay;
        to.dk[a] += key * kj * decay;
        to.dk[b] += (pair * q + key * ki) * decay;
        const float d = (pair * q + key * ki) * kj * decay;
        dgate_[a] += d;
        dgate_[b] -= d;
      }
    }
  }
}

// g_t is in every sum from its own token's on.
void DeltaChunk::WriteDecayGradients(const Gradients& to) {
  const int64_t rows = t_.rows, gates = sizes_.gates();
  for (int64_t w = 0; w < gates; ++w) {
    double sum = static_cast<double>(dgate_[rows * gates + w]);
    for (int64_t i = rows; i-- > 0;) {
      sum += static_cast<double>(dgate_[i * gates + w]);
      to.dg[i * to.dg_stride + w] = static_cast<float>(sum);
    }
  }
}

}  // namespace hlm
