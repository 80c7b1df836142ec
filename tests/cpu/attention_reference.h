// Attention as plain loops in double precision: one query against one key at a time.
#ifndef HORIZON_LM_TESTS_CPU_ATTENTION_REFERENCE_H_
#define HORIZON_LM_TESTS_CPU_ATTENTION_REFERENCE_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/cpu/reference.h"

namespace hlm::reference {

struct Attention {
  Heads h;
  size_t window = 0;
  std::vector<int32_t> offsets;

  size_t tokens() const { return static_cast<size_t>(offsets.back()); }
  size_t group() const { return h.heads / h.kv_heads; }
  double scale() const { return 1 / std::sqrt(static_cast<double>(h.dim)); }
  size_t q(size_t token, size_t head) const { return token * h.stride() + head * h.dim; }
  size_t k(size_t token, size_t head) const { return q(token, h.heads + head / group()); }
  size_t v(size_t token, size_t head) const { return q(token, h.heads + h.kv_heads + head / group()); }
  size_t o(size_t token, size_t head) const { return (token * h.heads + head) * h.dim; }

  double Dot(const Doubles& a, size_t at, const Doubles& b, size_t bt) const {
    double sum = 0;
    for (size_t i = 0; i < h.dim; ++i) sum += a[at + i] * b[bt + i];
    return sum;
  }

  // visit(query token, head, first key token seen) for all; the keys seen are [first, query].
  template <class Visit>
  void ForQueries(const Visit& visit) const {
    for (size_t d = 0; d + 1 < offsets.size(); ++d) {
      const auto begin = static_cast<size_t>(offsets[d]), end = static_cast<size_t>(offsets[d + 1]);
      for (size_t i = begin; i < end; ++i) {
        const size_t first = window > 0 && i + 1 > begin + window ? i + 1 - window : begin;
        for (size_t head = 0; head < h.heads; ++head) visit(i, head, first);
      }
    }
  }

  void Forward(const Doubles& qkv, Doubles* out, Doubles* lse) const {
    out->assign(tokens() * h.heads * h.dim, 0);
    lse->assign(tokens() * h.heads, 0);
    Doubles p;
    ForQueries([&](size_t i, size_t head, size_t first) {
      p.clear();
      for (size_t j = first; j <= i; ++j) p.push_back(scale() * Dot(qkv, q(i, head), qkv, k(j, head)));
      const double total = LogSumExp(p.data(), p.size());
      (*lse)[i * h.heads + head] = total;
      for (size_t j = first; j <= i; ++j) {
        const double weight = std::exp(p[j - first] - total);
        for (size_t e = 0; e < h.dim; ++e) (*out)[o(i, head) + e] += weight * qkv[v(j, head) + e];
      }
    });
  }

  // From the forward pass's own out and lse, as the operation takes them.
  Doubles Backward(const Doubles& qkv, const Doubles& out, const Doubles& lse, const Doubles& dout) const {
    Doubles d(qkv.size());
    ForQueries([&](size_t i, size_t head, size_t first) {
      const double delta = Dot(dout, o(i, head), out, o(i, head));
      for (size_t j = first; j <= i; ++j) {
        const double p = std::exp(scale() * Dot(qkv, q(i, head), qkv, k(j, head)) - lse[i * h.heads + head]);
        const double ds = scale() * p * (Dot(dout, o(i, head), qkv, v(j, head)) - delta);
        for (size_t e = 0; e < h.dim; ++e) {
          d[q(i, head) + e] += ds * qkv[k(j, head) + e];
          d[k(j, head) + e] += ds * qkv[q(i, head) + e];
          d[v(j, head) + e] += p * dout[o(i, head) + e];
        }
      }
    });
    return d;
  }
};

}  // namespace hlm::reference

#endif  // HORIZON_LM_TESTS_CPU_ATTENTION_REFERENCE_H_
