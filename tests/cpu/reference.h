// The operations as plain loops in double precision. They take what the contracts in ops.h say and know nothing of rounding.
#ifndef HORIZON_LM_TESTS_CPU_REFERENCE_H_
#define HORIZON_LM_TESTS_CPU_REFERENCE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace hlm::reference {

using Doubles = std::vector<double>;

// y[m, n] = sum over k of a(i, p) b(p, j), by element functions.
template <class A, class B>
Doubles Product(size_t m, size_t n, size_t k, const A& a, const B& b) {
  Doubles y(m * n);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double sum = 0;
      for (size_t p = 0; p < k; ++p) sum += a(i, p) * b(p, j);
      y[i * n + j] = sum;
    }
  }
  return y;
}

inline double Rstd(const double* x, size_t width, double epsilon) {
  double sum = 0;
  for (size_t i = 0; i < width; ++i) sum += x[i] * x[i];
  return 1 / std::sqrt(sum / static_cast<double>(width) + epsilon);
}

inline Doubles RmsNorm(const Doubles& x, const Doubles& w, double epsilon) {
  const size_t width = w.size();
  Doubles y(x.size());
  for (size_t r = 0; r < x.size() / width; ++r) {
    const double rstd = Rstd(&x[r * width], width, epsilon);
    for (size_t i = 0; i < width; ++i) y[r * width + i] = x[r * width + i] * rstd * w[i];
  }
  return y;
}

// One row; adds to dx and dw.
inline void RmsNormBackwardRow(const double* x, const double* w, const double* dy, size_t width, double rstd, double* dx,
                               double* dw) {
  double dot = 0;
  for (size_t i = 0; i < width; ++i) dot += dy[i] * w[i] * x[i];
  for (size_t i = 0; i < width; ++i) {
    dx[i] += rstd * dy[i] * w[i] - rstd * rstd * rstd * x[i] * dot / static_cast<double>(width);
    dw[i] += dy[i] * x[i] * rstd;
  }
}

struct Heads {
  size_t heads, kv_heads, dim;
  size_t turned() const { return heads + kv_heads; }
  size_t stride() const { return (heads + 2 * kv_heads) * dim; }
};

// In place. table: rows of dim / 2 cosines, then sines. Empty norms: none.
inline void QkRotary(Doubles* qkv, const Heads& h, const std::vector<int32_t>& positions, const Doubles& table,
                     const Doubles& q_norm, const Doubles& k_norm, double epsilon) {
  const size_t half = h.dim / 2;
  for (size_t t = 0; t < positions.size(); ++t) {
    const double* angles = &table[static_cast<size_t>(positions[t]) * h.dim];
    for (size_t head = 0; head < h.turned(); ++head) {
      double* x = &(*qkv)[t * h.stride() + head * h.dim];
      if (!q_norm.empty()) {
        const Doubles y = RmsNorm(Doubles(x, x + h.dim), head < h.heads ? q_norm : k_norm, epsilon);
        std::copy(y.begin(), y.end(), x);
      }
      for (size_t i = 0; i < half; ++i) {
        const double a = x[i], b = x[half + i];
        x[i] = a * angles[i] - b * angles[half + i];
        x[half + i] = b * angles[i] + a * angles[half + i];
      }
    }
  }
}

// In place on dqkv; raw is [tokens, turned, dim], rstd [tokens, turned]; adds to dq_norm and dk_norm.
inline void QkRotaryBackward(Doubles* dqkv, const Heads& h, const std::vector<int32_t>& positions, const Doubles& table,
                             const Doubles& q_norm, const Doubles& k_norm, const Doubles& raw, const Doubles& rstd,
                             Doubles* dq_norm, Doubles* dk_norm) {
  const size_t half = h.dim / 2;
  for (size_t t = 0; t < positions.size(); ++t) {
    const double* angles = &table[static_cast<size_t>(positions[t]) * h.dim];
    for (size_t head = 0; head < h.turned(); ++head) {
      double* g = &(*dqkv)[t * h.stride() + head * h.dim];
      for (size_t i = 0; i < half; ++i) {
        const double a = g[i], b = g[half + i];
        g[i] = a * angles[i] + b * angles[half + i];
        g[half + i] = b * angles[i] - a * angles[half + i];
      }
      if (q_norm.empty()) continue;
      Doubles dx(h.dim);
      const size_t at = t * h.turned() + head;
      const bool query = head < h.heads;
      RmsNormBackwardRow(&raw[at * h.dim], query ? q_norm.data() : k_norm.data(), g, h.dim, rstd[at], dx.data(),
                         query ? dq_norm->data() : dk_norm->data());
      std::copy(dx.begin(), dx.end(), g);
    }
  }
}

inline double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

inline Doubles SwiGlu(const Doubles& gate_up, size_t width) {
  const size_t tokens = gate_up.size() / (2 * width);
  Doubles y(tokens * width);
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t i = 0; i < width; ++i) {
      const double g = gate_up[t * 2 * width + i], u = gate_up[t * 2 * width + width + i];
      y[t * width + i] = g * Sigmoid(g) * u;
    }
  }
  return y;
}

inline Doubles SwiGluBackward(const Doubles& gate_up, const Doubles& dy, size_t width) {
  Doubles d(gate_up.size());
  for (size_t t = 0; t < gate_up.size() / (2 * width); ++t) {
    for (size_t i = 0; i < width; ++i) {
      const size_t at = t * 2 * width + i;
      const double g = gate_up[at], u = gate_up[at + width], s = Sigmoid(g), up = dy[t * width + i];
      d[at] = up * u * s * (1 + g * (1 - s));
      d[at + width] = up * g * s;
    }
  }
  return d;
}

inline double LogSumExp(const double* x, size_t n) {
  double most = x[0], sum = 0;
  for (size_t i = 1; i < n; ++i) most = std::max(most, x[i]);
  for (size_t i = 0; i < n; ++i) sum += std::exp(x[i] - most);
  return most + std::log(sum);
}

inline Doubles Nll(const Doubles& logits, size_t vocab, const std::vector<int32_t>& targets) {
  Doubles nll(targets.size());
  for (size_t r = 0; r < nll.size(); ++r) {
    if (targets[r] >= 0) nll[r] = LogSumExp(&logits[r * vocab], vocab) - logits[r * vocab + static_cast<size_t>(targets[r])];
  }
  return nll;
}

inline Doubles NllBackward(const Doubles& logits, size_t vocab, const std::vector<int32_t>& targets, const Doubles& weights) {
  Doubles d(logits.size());
  for (size_t r = 0; r < targets.size(); ++r) {
    if (targets[r] < 0) continue;
    const double lse = LogSumExp(&logits[r * vocab], vocab);
    for (size_t i = 0; i < vocab; ++i) {
      const double p = std::exp(logits[r * vocab + i] - lse);
      d[r * vocab + i] = weights[r] * (p - (static_cast<size_t>(targets[r]) == i ? 1 : 0));
    }
  }
  return d;
}

// Entropies, the negative log-probability of the likeliest token, and all probabilities; rows without a target are 0.
struct EntropyOf {
  EntropyOf(const Doubles& logits, size_t vocab, const std::vector<int32_t>& targets)
      : entropies(targets.size()), best(targets.size()), p(logits.size()) {
    for (size_t r = 0; r < targets.size(); ++r) {
      if (targets[r] < 0) continue;
      const double* x = &logits[r * vocab];
      const double lse = LogSumExp(x, vocab);
      best[r] = lse - *std::max_element(x, x + vocab);
      for (size_t i = 0; i < vocab; ++i) {
        p[r * vocab + i] = std::exp(x[i] - lse);
        entropies[r] -= p[r * vocab + i] * (x[i] - lse);
      }
    }
  }
  Doubles entropies, best, p;
};

}  // namespace hlm::reference

#endif  // HORIZON_LM_TESTS_CPU_REFERENCE_H_
