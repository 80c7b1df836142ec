#include "core/cpu/state_chunk.h"

#include <algorithm>
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

StateChunk::StateChunk(const StateSizes& sizes, Scratch& scratch, bool backward) : sizes_(sizes) {
  sums_ = reinterpret_cast<double*>(scratch.Take(2 * kStateChunk));
  grown_ = scratch.Take(kStateChunk);
  shrunk_ = scratch.Take(kStateChunk);
  c_decayed_ = scratch.Take(kStateChunk * sizes.state_dim);
  b_shrunk_ = scratch.Take(kStateChunk * sizes.state_dim);
  decay_ = scratch.Take(kStateChunk * kStateChunk);
  both_ = scratch.Take(kStateChunk * kStateChunk);
  pairs_ = scratch.Take(kStateChunk * kStateChunk);
  if (!backward) return;
  dpairs_ = scratch.Take(kStateChunk * kStateChunk);
  dwide_ = scratch.Take(kStateChunk * sizes.state_dim);
  dgate_ = scratch.Take(kStateChunk + 1);  // the last one: of G_last, by way of the state
  dstep_ = scratch.Take(kStateChunk);
}

void StateChunk::Begin(const Tokens& tokens) {
  t_ = tokens;
  const int64_t rows = t_.rows, dim = sizes_.state_dim;
  double sum = 0;
  for (int64_t i = 0; i < rows; ++i) {
    sum += static_cast<double>(t_.g[i * t_.stride]);
    sums_[i] = sum;
    grown_[i] = Decay(sum);
  }
  for (int64_t i = 0; i < rows; ++i) {
    shrunk_[i] = Decay(sums_[rows - 1] - sums_[i]);
    const float b = shrunk_[i] * t_.step[i * t_.stride];
    for (int64_t k = 0; k < dim; ++k) {
      c_decayed_[i * dim + k] = t_.c[i * dim + k] * grown_[i];
      b_shrunk_[i * dim + k] = t_.b[i * dim + k] * b;
    }
  }
}

bool StateChunk::Pairs() {
  const int64_t rows = t_.rows;
  if (!Multiply(rows, rows, sizes_.state_dim, t_.c, false, t_.b, true, false, both_)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      const int64_t at = i * rows + j;
      decay_[at] = j <= i ? Decay(sums_[i] - sums_[j]) : 0.0f;
      pairs_[at] = j <= i ? decay_[at] * t_.step[j * t_.stride] * both_[at] : 0.0f;
    }
  }
  return true;
}

bool StateChunk::Output(const float* state, float* y) {
  const int64_t rows = t_.rows, dim = sizes_.head_dim;
  for (int64_t i = 0; i < rows * dim; ++i) y[i] = t_.d * t_.x[i];
  return Pairs() && Multiply(rows, dim, sizes_.state_dim, c_decayed_, false, state, false, true, y) &&
         Multiply(rows, dim, rows, pairs_, false, t_.x, false, true, y);
}

bool StateChunk::Advance(float* state) {
  const float last = grown_[t_.rows - 1];
  for (int64_t i = 0; i < sizes_.state(); ++i) state[i] *= last;
  return Multiply(sizes_.state_dim, sizes_.head_dim, t_.rows, b_shrunk_, true, t_.x, false, true, state);
}

bool StateChunk::Backward(const float* state, float* dstate, const Gradients& to) {
  const int64_t rows = t_.rows, dim = sizes_.head_dim, wide = sizes_.state_dim;
  const float last = grown_[rows - 1];
  if (!Pairs()) return false;
  // X
  for (int64_t i = 0; i < rows * dim; ++i) to.dx[i] = t_.d * to.dy[i];
  for (int64_t i = 0; i < rows; ++i) *to.dd += static_cast<double>(Dot(to.dy + i * dim, t_.x + i * dim, dim));
  if (!Multiply(rows, dim, rows, pairs_, true, to.dy, false, true, to.dx)) return false;
  if (!Multiply(rows, dim, wide, b_shrunk_, false, dstate, false, true, to.dx)) return false;
  // C exp(G)
  dgate_[rows] = last * Dot(state, dstate, sizes_.state());
  if (!Multiply(rows, wide, dim, to.dy, false, state, true, false, dwide_)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    const float* d = dwide_ + i * wide;
    for (int64_t k = 0; k < wide; ++k) to.dc[i * wide + k] += d[k] * grown_[i];
    dgate_[i] = Dot(d, c_decayed_ + i * wide, wide);
  }
  // B step exp(G_last - G)
  if (!Multiply(rows, wide, dim, t_.x, false, dstate, true, false, dwide_)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    const float* d = dwide_ + i * wide;
    const float step = t_.step[i * t_.stride], dot = shrunk_[i] * Dot(d, t_.b + i * wide, wide);
    for (int64_t k = 0; k < wide; ++k) to.db[i * wide + k] += d[k] * step * shrunk_[i];
    dstep_[i] = dot;
    dgate_[i] -= dot * step;
    dgate_[rows] += dot * step;
  }
  // P
  if (!Multiply(rows, rows, dim, to.dy, false, t_.x, true, false, dpairs_)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      const int64_t at = i * rows + j;
      if (j > i) {
        dpairs_[at] = 0;
        continue;
      }
      const float d = dpairs_[at] * pairs_[at];
      dgate_[i] += d;
      dgate_[j] -= d;
      dstep_[j] += dpairs_[at] * decay_[at] * both_[at];
      dpairs_[at] *= decay_[at] * t_.step[j * t_.stride];
    }
  }
  if (!Multiply(rows, wide, rows, dpairs_, false, t_.b, false, true, to.dc)) return false;
  if (!Multiply(rows, wide, rows, dpairs_, true, t_.c, false, true, to.db)) return false;
  // S
  for (int64_t i = 0; i < sizes_.state(); ++i) dstate[i] *= last;
  if (!Multiply(wide, dim, rows, c_decayed_, true, to.dy, false, true, dstate)) return false;
  // g_t is in every sum from its own token's on.
  double sum = static_cast<double>(dgate_[rows]);
  for (int64_t i = rows; i-- > 0;) {
    sum += static_cast<double>(dgate_[i]);
    to.dg[i * to.stride] = static_cast<float>(sum);
    to.dstep[i * to.stride] = dstep_[i];
  }
  return true;
}

}  // namespace hlm
