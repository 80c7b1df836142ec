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
  decays_.sums = reinterpret_cast<double*>(scratch.Take(2 * rows * sizes.gates()));
  decays_.grown = scratch.Take(rows * sizes.gates());
  decays_.shrunk = scratch.Take(rows * sizes.gates());
  decays_.last = scratch.Take(sizes.key_dim);
  decayed_.q = scratch.Take(keys);
  decayed_.k = scratch.Take(keys);
  decayed_.k_to_end = scratch.Take(keys);
  pairs_.decay = scratch.Take(rows * rows);
  pairs_.queries = scratch.Take(rows * rows);
  pairs_.keys = scratch.Take(rows * rows);
  rest_ = scratch.Take(values);
  fresh_ = scratch.Take(values);
  if (!backward) return;
  d_.fresh = scratch.Take(values);
  d_.queries = scratch.Take(rows * rows);
  d_.keys = scratch.Take(rows * rows);
  d_.wide = scratch.Take(keys);
  d_.gate = scratch.Take((rows + 1) * sizes.gates());
}

void DeltaChunk::MakeDecays() {
  const int64_t gates = sizes_.gates(), dim = sizes_.key_dim, rows = t_.rows;
  for (int64_t w = 0; w < gates; ++w) {
    double sum = 0;
    for (int64_t i = 0; i < rows; ++i) {
      sum += static_cast<double>(t_.g[i * t_.g_stride + w]);
      decays_.sums[i * gates + w] = sum;
      decays_.grown[i * gates + w] = Decay(sum);
    }
    for (int64_t i = 0; i < rows; ++i) {
      decays_.shrunk[i * gates + w] = Decay(decays_.sums[(rows - 1) * gates + w] - decays_.sums[i * gates + w]);
    }
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < dim; ++c) {
      const int64_t at = i * dim + c, gate = i * gates + (gates > 1 ? c : 0);
      decayed_.q[at] = t_.q[at] * decays_.grown[gate];
      decayed_.k[at] = t_.k[at] * decays_.grown[gate];
      decayed_.k_to_end[at] = t_.k[at] * decays_.shrunk[gate];
    }
  }
  for (int64_t c = 0; c < dim; ++c) decays_.last[c] = decays_.grown[(rows - 1) * gates + (gates > 1 ? c : 0)];
}

bool DeltaChunk::MakePairs() {
  if (sizes_.by_channel) {
    MakeChannelPairs();
    return true;
  }
  const int64_t rows = t_.rows, dim = sizes_.key_dim;
  if (!Multiply(rows, rows, dim, t_.q, false, t_.k, true, false, pairs_.queries)) return false;
  if (!Multiply(rows, rows, dim, t_.k, false, t_.k, true, false, pairs_.keys)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      const int64_t at = i * rows + j;
      pairs_.decay[at] = j <= i ? Decay(decays_.sums[i] - decays_.sums[j]) : 0.0f;
      pairs_.queries[at] = j <= i ? pairs_.queries[at] * pairs_.decay[at] : 0.0f;
      pairs_.keys[at] = j < i ? pairs_.keys[at] * pairs_.decay[at] : 0.0f;
    }
  }
  return true;
}

void DeltaChunk::MakeChannelPairs() {
  const int64_t rows = t_.rows, dim = sizes_.key_dim;
  std::fill_n(pairs_.queries, rows * rows, 0.0f);
  std::fill_n(pairs_.keys, rows * rows, 0.0f);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      float pair = 0, key = 0;
      for (int64_t c = 0; c < dim; ++c) {
        const float k = t_.k[j * dim + c] * Decay(decays_.sums[i * dim + c] - decays_.sums[j * dim + c]);
        pair += t_.q[i * dim + c] * k;
        key += t_.k[i * dim + c] * k;
      }
      pairs_.queries[i * rows + j] = pair;
      if (j < i) pairs_.keys[i * rows + j] = key;
    }
  }
}

// U row after row: U_i = beta_i (rest_i - sum over j < i of D_ij k_i k_j U_j). What stands in the brackets becomes the rest.
void DeltaChunk::Solve() {
  const int64_t rows = t_.rows, dim = sizes_.value_dim;
  for (int64_t i = 0; i < rows; ++i) {
    float* rest = rest_ + i * dim;
    for (int64_t j = 0; j < i; ++j) {
      const float factor = pairs_.keys[i * rows + j], *from = fresh_ + j * dim;
      for (int64_t c = 0; c < dim; ++c) rest[c] -= factor * from[c];
    }
    const float beta = t_.beta[i * t_.beta_stride];
    for (int64_t c = 0; c < dim; ++c) fresh_[i * dim + c] = beta * rest[c];
  }
}

bool DeltaChunk::Begin(const Tokens& tokens, const float* state) {
  t_ = tokens;
  MakeDecays();
  if (!MakePairs()) return false;
  const int64_t rows = t_.rows, values = rows * sizes_.value_dim;
  if (!Multiply(rows, sizes_.value_dim, sizes_.key_dim, decayed_.k, false, state, false, false, rest_)) return false;
  for (int64_t i = 0; i < values; ++i) rest_[i] = t_.v[i] - rest_[i];
  Solve();
  return true;
}

bool DeltaChunk::Output(const float* state, float* out) {
  const int64_t rows = t_.rows, dim = sizes_.value_dim;
  return Multiply(rows, dim, sizes_.key_dim, decayed_.q, false, state, false, false, out) &&
         Multiply(rows, dim, rows, pairs_.queries, false, fresh_, false, true, out);
}

bool DeltaChunk::Advance(float* state) {
  const int64_t dim = sizes_.value_dim;
  for (int64_t r = 0; r < sizes_.key_dim; ++r) {
    for (int64_t c = 0; c < dim; ++c) state[r * dim + c] *= decays_.last[r];
  }
  return Multiply(sizes_.key_dim, dim, t_.rows, decayed_.k_to_end, true, fresh_, false, true, state);
}

// dU becomes diag(beta) X, where X = (I + L)^-T dU; dbeta_i is X_i times the brackets of Solve.
void DeltaChunk::SolveTransposed(const Gradients& to) {
  const int64_t rows = t_.rows, dim = sizes_.value_dim;
  for (int64_t i = rows; i-- > 0;) {
    float* x = d_.fresh + i * dim;
    for (int64_t j = i + 1; j < rows; ++j) {
      const float factor = pairs_.keys[j * rows + i], *from = d_.fresh + j * dim;  // beta_j X_j
      for (int64_t c = 0; c < dim; ++c) x[c] -= factor * from[c];
    }
    to.dbeta[i * to.dbeta_stride] = Dot(x, rest_ + i * dim, dim);
    const float beta = t_.beta[i * t_.beta_stride];
    for (int64_t c = 0; c < dim; ++c) x[c] *= beta;
  }
}

bool DeltaChunk::Backward(const float* state, float* dstate, const Gradients& to) {
  std::fill_n(d_.gate, (t_.rows + 1) * sizes_.gates(), 0.0f);
  if (!FreshGradients(dstate, to) || !ReadGradients(state, dstate, to)) return false;
  SolveTransposed(to);
  if (!RestGradients(state, to) || !StateGradient(dstate, to) || !PairGradients(to)) return false;
  WriteDecayGradients(to);
  return true;
}

// What a decayed key or query, whose gradient is in `wide`, gives to its own and to its gate.
void DeltaChunk::Give(const float* decayed, const float* factor, float sign, float* d) {
  const int64_t rows = t_.rows, keys = sizes_.key_dim;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < keys; ++c) {
      const int64_t at = i * keys + c;
      d[at] += d_.wide[at] * factor[GateOf(i, c)];
      d_.gate[GateOf(i, c)] += sign * d_.wide[at] * decayed[at];
      if (sign < 0) d_.gate[GateOf(rows, c)] += d_.wide[at] * decayed[at];
    }
  }
}

// dU = P^T dout + (K exp(G_last - G)) dS'
bool DeltaChunk::FreshGradients(const float* dstate, const Gradients& to) {
  const int64_t rows = t_.rows, dim = sizes_.value_dim;
  return Multiply(rows, dim, rows, pairs_.queries, true, to.dout, false, false, d_.fresh) &&
         Multiply(rows, dim, sizes_.key_dim, decayed_.k_to_end, false, dstate, false, true, d_.fresh);
}

// Of the queries that read, by pairs and from the state, and of the keys under which U enters the state.
bool DeltaChunk::ReadGradients(const float* state, const float* dstate, const Gradients& to) {
  const int64_t rows = t_.rows, keys = sizes_.key_dim, dim = sizes_.value_dim;
  if (!Multiply(rows, rows, dim, to.dout, false, fresh_, true, false, d_.queries)) return false;
  if (!Multiply(rows, keys, dim, to.dout, false, state, true, false, d_.wide)) return false;
  Give(decayed_.q, decays_.grown, 1, to.dq);
  if (!Multiply(rows, keys, dim, fresh_, false, dstate, true, false, d_.wide)) return false;
  Give(decayed_.k_to_end, decays_.shrunk, -1, to.dk);
  for (int64_t r = 0; r < keys; ++r) d_.gate[GateOf(rows, r)] += decays_.last[r] * Dot(state + r * dim, dstate + r * dim, dim);
  return true;
}

// beta_i X_i is the gradient of V - (K exp(G)) S, and -beta_i X_i U_j that of D_ij k_i k_j.
bool DeltaChunk::RestGradients(const float* state, const Gradients& to) {
  const int64_t rows = t_.rows, keys = sizes_.key_dim, dim = sizes_.value_dim;
  if (!Multiply(rows, rows, dim, d_.fresh, false, fresh_, true, false, d_.keys)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      float& d = d_.keys[i * rows + j];
      d = j < i ? -d : 0.0f;
      if (j > i) d_.queries[i * rows + j] = 0;
    }
  }
  for (int64_t i = 0; i < rows * dim; ++i) to.dv[i] = d_.fresh[i];
  if (!Multiply(rows, keys, dim, d_.fresh, false, state, true, false, d_.wide)) return false;
  for (int64_t i = 0; i < rows * keys; ++i) d_.wide[i] = -d_.wide[i];
  Give(decayed_.k, decays_.grown, 1, to.dk);
  return true;
}

// dS = exp(G_last) dS' + (Q exp(G))^T dout - (K exp(G))^T drest
bool DeltaChunk::StateGradient(float* dstate, const Gradients& to) {
  const int64_t rows = t_.rows, keys = sizes_.key_dim, dim = sizes_.value_dim;
  for (int64_t r = 0; r < keys; ++r) {
    for (int64_t c = 0; c < dim; ++c) dstate[r * dim + c] *= decays_.last[r];
  }
  if (!Multiply(keys, dim, rows, decayed_.q, true, to.dout, false, true, dstate)) return false;
  for (int64_t i = 0; i < rows * dim; ++i) d_.fresh[i] = -d_.fresh[i];
  return Multiply(keys, dim, rows, decayed_.k, true, d_.fresh, false, true, dstate);
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
      const float d = d_.queries[at] * pairs_.queries[at] + d_.keys[at] * pairs_.keys[at];
      d_.gate[i] += d;
      d_.gate[j] -= d;
      d_.queries[at] *= pairs_.decay[at];
      d_.keys[at] *= pairs_.decay[at];
      d_.keys[j * rows + i] = d_.keys[at];  // k_i k_j is of both
    }
  }
  return Multiply(rows, keys, rows, d_.queries, false, t_.k, false, true, to.dq) &&
         Multiply(rows, keys, rows, d_.queries, true, t_.q, false, true, to.dk) &&
         Multiply(rows, keys, rows, d_.keys, false, t_.k, false, true, to.dk);
}

void DeltaChunk::ChannelPairGradients(const Gradients& to) {
  const int64_t rows = t_.rows, dim = sizes_.key_dim;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      const float pair = d_.queries[i * rows + j], key = d_.keys[i * rows + j];
      for (int64_t c = 0; c < dim; ++c) {
        const int64_t a = i * dim + c, b = j * dim + c;
        const float decay = Decay(decays_.sums[a] - decays_.sums[b]), q = t_.q[a], ki = t_.k[a], kj = t_.k[b];
        to.dq[a] += pair * kj * decay;
        to.dk[a] += key * kj * decay;
        to.dk[b] += (pair * q + key * ki) * decay;
        const float d = (pair * q + key * ki) * kj * decay;
        d_.gate[a] += d;
        d_.gate[b] -= d;
      }
    }
  }
}

// g_t is in every sum from its own token's on.
void DeltaChunk::WriteDecayGradients(const Gradients& to) {
  const int64_t rows = t_.rows, gates = sizes_.gates();
  for (int64_t w = 0; w < gates; ++w) {
    double sum = static_cast<double>(d_.gate[rows * gates + w]);
    for (int64_t i = rows; i-- > 0;) {
      sum += static_cast<double>(d_.gate[i * gates + w]);
      to.dg[i * to.dg_stride + w] = static_cast<float>(sum);
    }
  }
}

}  // namespace hlm
