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
  decays_.sums = reinterpret_cast<double*>(scratch.Take(2 * kStateChunk));
  decays_.grown = scratch.Take(kStateChunk);
  decays_.shrunk = scratch.Take(kStateChunk);
  decayed_.c = scratch.Take(kStateChunk * sizes.state_dim);
  decayed_.b_to_end = scratch.Take(kStateChunk * sizes.state_dim);
  pairs_.decay = scratch.Take(kStateChunk * kStateChunk);
  pairs_.both = scratch.Take(kStateChunk * kStateChunk);
  pairs_.weighed = scratch.Take(kStateChunk * kStateChunk);
  if (!backward) return;
  d_.pairs = scratch.Take(kStateChunk * kStateChunk);
  d_.wide = scratch.Take(kStateChunk * sizes.state_dim);
  d_.gate = scratch.Take(kStateChunk + 1);
  d_.step = scratch.Take(kStateChunk);
}

void StateChunk::Begin(const Tokens& tokens) {
  t_ = tokens;
  const int64_t rows = t_.rows, dim = sizes_.state_dim;
  double sum = 0;
  for (int64_t i = 0; i < rows; ++i) {
    sum += static_cast<double>(t_.g[i * t_.stride]);
    decays_.sums[i] = sum;
    decays_.grown[i] = Decay(sum);
  }
  for (int64_t i = 0; i < rows; ++i) {
    decays_.shrunk[i] = Decay(decays_.sums[rows - 1] - decays_.sums[i]);
    const float b = decays_.shrunk[i] * t_.step[i * t_.stride];
    for (int64_t k = 0; k < dim; ++k) {
      decayed_.c[i * dim + k] = t_.c[i * dim + k] * decays_.grown[i];
      decayed_.b_to_end[i * dim + k] = t_.b[i * dim + k] * b;
    }
  }
}

bool StateChunk::MakePairs() {
  const int64_t rows = t_.rows;
  if (!Multiply(rows, rows, sizes_.state_dim, t_.c, false, t_.b, true, false, pairs_.both)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      const int64_t at = i * rows + j;
      pairs_.decay[at] = j <= i ? Decay(decays_.sums[i] - decays_.sums[j]) : 0.0f;
      pairs_.weighed[at] = j <= i ? pairs_.decay[at] * t_.step[j * t_.stride] * pairs_.both[at] : 0.0f;
    }
  }
  return true;
}

bool StateChunk::Output(const float* state, float* y) {
  const int64_t rows = t_.rows, dim = sizes_.head_dim;
  for (int64_t i = 0; i < rows * dim; ++i) y[i] = t_.d * t_.x[i];
  return MakePairs() && Multiply(rows, dim, sizes_.state_dim, decayed_.c, false, state, false, true, y) &&
         Multiply(rows, dim, rows, pairs_.weighed, false, t_.x, false, true, y);
}

bool StateChunk::Advance(float* state) {
  const float last = decays_.grown[t_.rows - 1];
  for (int64_t i = 0; i < sizes_.state(); ++i) state[i] *= last;
  return Multiply(sizes_.state_dim, sizes_.head_dim, t_.rows, decayed_.b_to_end, true, t_.x, false, true, state);
}

bool StateChunk::Backward(const float* state, float* dstate, const Gradients& to) {
  if (!MakePairs() || !InputGradients(dstate, to) || !OutputVectorGradients(state, dstate, to) ||
      !InputVectorGradients(dstate, to) || !PairGradients(to) || !StateGradient(dstate, to)) {
    return false;
  }
  WriteDecayGradients(to);
  return true;
}

// X
bool StateChunk::InputGradients(const float* dstate, const Gradients& to) {
  const int64_t rows = t_.rows, dim = sizes_.head_dim;
  for (int64_t i = 0; i < rows * dim; ++i) to.dx[i] = t_.d * to.dy[i];
  for (int64_t i = 0; i < rows; ++i) *to.dd += static_cast<double>(Dot(to.dy + i * dim, t_.x + i * dim, dim));
  return Multiply(rows, dim, rows, pairs_.weighed, true, to.dy, false, true, to.dx) &&
         Multiply(rows, dim, sizes_.state_dim, decayed_.b_to_end, false, dstate, false, true, to.dx);
}

// C exp(G)
bool StateChunk::OutputVectorGradients(const float* state, const float* dstate, const Gradients& to) {
  const int64_t rows = t_.rows, wide = sizes_.state_dim;
  d_.gate[rows] = decays_.grown[rows - 1] * Dot(state, dstate, sizes_.state());
  if (!Multiply(rows, wide, sizes_.head_dim, to.dy, false, state, true, false, d_.wide)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    const float* d = d_.wide + i * wide;
    for (int64_t k = 0; k < wide; ++k) to.dc[i * wide + k] += d[k] * decays_.grown[i];
    d_.gate[i] = Dot(d, decayed_.c + i * wide, wide);
  }
  return true;
}

// B step exp(G_last - G)
bool StateChunk::InputVectorGradients(const float* dstate, const Gradients& to) {
  const int64_t rows = t_.rows, wide = sizes_.state_dim;
  if (!Multiply(rows, wide, sizes_.head_dim, t_.x, false, dstate, true, false, d_.wide)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    const float* d = d_.wide + i * wide;
    const float step = t_.step[i * t_.stride], dot = decays_.shrunk[i] * Dot(d, t_.b + i * wide, wide);
    for (int64_t k = 0; k < wide; ++k) to.db[i * wide + k] += d[k] * step * decays_.shrunk[i];
    d_.step[i] = dot;
    d_.gate[i] -= dot * step;
    d_.gate[rows] += dot * step;
  }
  return true;
}

// P
bool StateChunk::PairGradients(const Gradients& to) {
  const int64_t rows = t_.rows, wide = sizes_.state_dim;
  if (!Multiply(rows, rows, sizes_.head_dim, to.dy, false, t_.x, true, false, d_.pairs)) return false;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      const int64_t at = i * rows + j;
      if (j > i) {
        d_.pairs[at] = 0;
        continue;
      }
      const float d = d_.pairs[at] * pairs_.weighed[at];
      d_.gate[i] += d;
      d_.gate[j] -= d;
      d_.step[j] += d_.pairs[at] * pairs_.decay[at] * pairs_.both[at];
      d_.pairs[at] *= pairs_.decay[at] * t_.step[j * t_.stride];
    }
  }
  return Multiply(rows, wide, rows, d_.pairs, false, t_.b, false, true, to.dc) &&
         Multiply(rows, wide, rows, d_.pairs, true, t_.c, false, true, to.db);
}

// S
bool StateChunk::StateGradient(float* dstate, const Gradients& to) {
  const float last = decays_.grown[t_.rows - 1];
  for (int64_t i = 0; i < sizes_.state(); ++i) dstate[i] *= last;
  return Multiply(sizes_.state_dim, sizes_.head_dim, t_.rows, decayed_.c, true, to.dy, false, true, dstate);
}

// g_t is in every sum from its own token's on.
void StateChunk::WriteDecayGradients(const Gradients& to) {
  double sum = static_cast<double>(d_.gate[t_.rows]);
  for (int64_t i = t_.rows; i-- > 0;) {
    sum += static_cast<double>(d_.gate[i]);
    to.dg[i * to.stride] = static_cast<float>(sum);
    to.dstep[i * to.stride] = d_.step[i];
  }
}

}  // namespace hlm
