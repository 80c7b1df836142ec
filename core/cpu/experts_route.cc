// A router's choice and its gradient, token by token. Scores are taken in float, as transformers does where it widens them.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/cpu/activations.h"
#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

constexpr float kOut = -std::numeric_limits<float>::infinity();

struct Softmax {
  float most = 0, sum = 0;
  Softmax(const float* z, int64_t n) : most(*std::max_element(z, z + n)) {
    for (int64_t e = 0; e < n; ++e) sum += std::exp(z[e] - most);
  }
  float Of(float z) const { return std::exp(z - most) / sum; }
  float LogSum() const { return most + std::log(sum); }
};

// The `count` largest of values, largest first, of equals the first.
void ChooseLargest(const float* values, int64_t n, int64_t count, std::vector<int32_t>& order, int32_t* choice) {
  order.resize(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](int32_t a, int32_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; };
  std::partial_sort(order.begin(), order.begin() + count, order.end(), before);
  std::copy_n(order.begin(), count, choice);
}

// Sparsemixer's set around the best of the experts that are left: those whose logits come near it.
struct NearSet {
  int32_t best = 0;
  float most = kOut, sum = 0;
  std::vector<char> in;

  NearSet(const float* z, int64_t n, int32_t without, float nearness) : in(static_cast<size_t>(n)) {
    for (int64_t e = 0; e < n; ++e) {
      if (e != without && z[e] > most) most = z[e], best = static_cast<int32_t>(e);
    }
    for (int64_t e = 0; e < n; ++e) {
      const float factor = std::max(std::abs(z[e]), most);
      in[static_cast<size_t>(e)] = e != without && !((most - z[e]) / factor > nearness);
      if (in[static_cast<size_t>(e)]) sum += std::exp(z[e] - most);
    }
  }
  float Of(const float* z, int64_t e) const { return in[static_cast<size_t>(e)] ? std::exp(z[e] - most) / sum : 0; }
};

// One thread's way through its tokens.
struct Router {
  const RouteKind& kind;
  int64_t experts, chosen;
  std::vector<float> worth;  // [experts] what the choice goes by
  std::vector<int32_t> order, best;
  std::vector<float> group_worth, scores, slopes;

  Router(const RouteKind& k, int64_t e, int64_t c)
      : kind(k),
        experts(e),
        chosen(c),
        worth(static_cast<size_t>(e)),
        best(static_cast<size_t>(k.groups)),
        group_worth(static_cast<size_t>(k.groups)),
        scores(static_cast<size_t>(c)),
        slopes(static_cast<size_t>(c)) {}

  // What the choice goes by: scores where a bias or a sum is added to them, else the logits, which stand in the same order and are
  // never equal where scores are saturated.
  void SetWorth(const float* z, DType type, const void* bias) {
    if (bias == nullptr && !kind.group_of_two) {
      std::copy_n(z, experts, worth.begin());
    } else if (kind.score == RouteScore::kSigmoid) {
      std::transform(z, z + experts, worth.begin(), SigmoidOf);
    } else {
      const Softmax softmax(z, experts);
      std::transform(z, z + experts, worth.begin(), [&](float x) { return softmax.Of(x); });
    }
    for (int64_t e = 0; bias != nullptr && e < experts; ++e) worth[static_cast<size_t>(e)] += HeadNumber(type, bias, e);
    if (kind.groups == 1 || kind.best_groups == kind.groups) return;
    const int64_t size = experts / kind.groups;
    for (int64_t g = 0; g < kind.groups; ++g) {
      float first = kOut, second = kOut;
      for (int64_t e = g * size; e < (g + 1) * size; ++e) {
        const float w = worth[static_cast<size_t>(e)];
        if (w > first)
          second = first, first = w;
        else if (w > second)
          second = w;
      }
      group_worth[static_cast<size_t>(g)] = kind.group_of_two && size > 1 ? first + second : first;
    }
    ChooseLargest(group_worth.data(), kind.groups, kind.best_groups, order, best.data());
    for (int64_t g = 0; g < kind.groups; ++g) {
      if (std::find(best.begin(), best.begin() + kind.best_groups, g) != best.begin() + kind.best_groups) continue;
      std::fill_n(worth.begin() + g * size, size, kOut);
    }
  }

  // Scores of the chosen, and what their sum comes to.
  float SetScores(const float* z, const int32_t* choice) {
    const auto at = [&](int64_t j) { return z[choice[j]]; };
    if (kind.score == RouteScore::kSigmoid) {
      for (int64_t j = 0; j < chosen; ++j) scores[static_cast<size_t>(j)] = SigmoidOf(at(j));
    } else if (kind.score == RouteScore::kSoftmax) {
      const Softmax softmax(z, experts);
      for (int64_t j = 0; j < chosen; ++j) scores[static_cast<size_t>(j)] = softmax.Of(at(j));
    } else {
      for (int64_t j = 0; j < chosen; ++j) scores[static_cast<size_t>(j)] = at(j);
      const Softmax softmax(scores.data(), chosen);
      for (float& score : scores) score = softmax.Of(score);
    }
    if (!kind.normalize) return 1;
    float sum = kind.sum_add;
    for (const float score : scores) sum += score;
    return std::max(sum, kind.sum_least);
  }

  void Forward(const float* z, DType type, const void* bias, int32_t* choice, float* weights) {
    if (kind.score == RouteScore::kSparseMixer) {
      const NearSet first(z, experts, -1, kind.nearness), second(z, experts, first.best, kind.nearness);
      choice[0] = first.best, choice[1] = second.best;
      weights[0] = kind.scale * first.Of(z, first.best), weights[1] = kind.scale * second.Of(z, second.best);
      return;
    }
    SetWorth(z, type, bias);
    ChooseLargest(worth.data(), experts, chosen, order, choice);
    const float sum = SetScores(z, choice);
    for (int64_t j = 0; j < chosen; ++j) weights[j] = kind.scale * (scores[static_cast<size_t>(j)] / sum);
  }

  void Backward(const float* z, const int32_t* choice, const float* dweights, float* dz) {
    std::fill_n(dz, experts, 0.0f);
    if (kind.score == RouteScore::kSparseMixer) {
      for (int64_t j = 0; j < 2; ++j) {
        const NearSet set(z, experts, j == 0 ? -1 : choice[0], kind.nearness);
        const float weight = set.Of(z, choice[j]), d = kind.scale * dweights[j] * weight;
        for (int64_t e = 0; e < experts; ++e) dz[e] -= d * set.Of(z, e);
        dz[choice[j]] += d;
      }
      return;
    }
    const float sum = SetScores(z, choice);
    float whole = 0;  // of the normalized weights with their gradients
    for (int64_t j = 0; j < chosen; ++j) whole += scores[static_cast<size_t>(j)] / sum * dweights[j];
    float raw = kind.sum_add;
    for (const float score : scores) raw += score;
    if (!kind.normalize || raw < kind.sum_least) whole = 0;  // nothing is divided, or by a constant
    float mean = 0;
    for (int64_t j = 0; j < chosen; ++j) {
      slopes[static_cast<size_t>(j)] = kind.scale * (dweights[j] - whole) / sum;
      mean += scores[static_cast<size_t>(j)] * slopes[static_cast<size_t>(j)];
    }
    if (kind.score == RouteScore::kSoftmax) {
      const Softmax softmax(z, experts);
      for (int64_t e = 0; e < experts; ++e) dz[e] = -softmax.Of(z[e]) * mean;
    }
    for (int64_t j = 0; j < chosen; ++j) {
      const float score = scores[static_cast<size_t>(j)], slope = slopes[static_cast<size_t>(j)];
      dz[choice[j]] += score * (kind.score == RouteScore::kSigmoid           ? (1 - score) * slope
                                : kind.score == RouteScore::kSoftmaxOfChosen ? slope - mean
                                                                             : slope);
    }
  }
};

// Of the terms of the loss that see all probabilities.
void AddLossGradients(const RouteBackwardArgs& a, const float* z, float* dz) {
  if (a.balance == nullptr && a.z_scale == 0) return;
  const Softmax softmax(z, a.experts);
  float mean = 0;
  for (int64_t e = 0; a.balance != nullptr && e < a.experts; ++e) mean += softmax.Of(z[e]) * a.balance[e];
  const float of_z = 2 * a.z_scale * softmax.LogSum();
  for (int64_t e = 0; e < a.experts; ++e) {
    dz[e] += softmax.Of(z[e]) * ((a.balance == nullptr ? 0 : a.balance[e] - mean) + of_z);
  }
}

}  // namespace

void RouteKernel(const RouteArgs& a) {
  ParallelBlocks(a.tokens, RowsPerBlock(8 * a.experts), [&](int64_t begin, int64_t end) {
    Router router(a.kind, a.experts, a.chosen);
    for (int64_t t = begin; t < end; ++t) {
      router.Forward(a.logits + t * a.experts, a.type, a.bias, a.choice + t * a.chosen, a.weights + t * a.chosen);
    }
  });
}

void RouteBackwardKernel(const RouteBackwardArgs& a) {
  ForType(a.type, [&]<class T>() {
    ParallelBlocks(a.tokens, RowsPerBlock(8 * a.experts), [&](int64_t begin, int64_t end) {
      Router router(a.kind, a.experts, a.chosen);
      std::vector<float> dz(static_cast<size_t>(a.experts));
      for (int64_t t = begin; t < end; ++t) {
        const float* z = a.logits + t * a.experts;
        router.Backward(z, a.choice + t * a.chosen, a.dweights + t * a.chosen, dz.data());
        AddLossGradients(a, z, dz.data());
        std::transform(dz.begin(), dz.end(), static_cast<T*>(a.dlogits) + t * a.experts, FromFloat<T>);
      }
    });
  });
}

void ScaleChoicesKernel(const ScaleChoicesArgs& a) {
  for (int64_t i = 0; i < a.tokens * a.chosen; ++i) a.y[i] = HeadNumber(a.type, a.scales, a.choice[i]) * a.x[i];
}

// Each expert's sum over its pairs, in their order.
void ScaleChoicesBackwardKernel(const ScaleChoicesBackwardArgs& a) {
  std::vector<double> sums(static_cast<size_t>(a.experts));
  for (int64_t i = 0; i < a.tokens * a.chosen; ++i) {
    const int32_t e = a.choice[i];
    sums[static_cast<size_t>(e)] += static_cast<double>(a.dy[i]) * static_cast<double>(a.x[i]);
    a.dx[i] = HeadNumber(a.type, a.scales, e) * a.dy[i];
  }
  for (int64_t e = 0; e < a.experts; ++e) {
    const double sum = sums[static_cast<size_t>(e)];
    a.dscales[e] = static_cast<float>(a.accumulate ? static_cast<double>(a.dscales[e]) + sum : sum);
  }
}

// Each expert's sum over tokens, in their order, in double.
void RouteLoadKernel(const RouteLoadArgs& a, float* log_sums) {
  ParallelBlocks(a.tokens, RowsPerBlock(8 * a.experts), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) log_sums[t] = Softmax(a.logits + t * a.experts, a.experts).LogSum();
  });
  const auto put = [&](float* to, double value) {
    *to = a.accumulate ? static_cast<float>(*to + value) : static_cast<float>(value);
  };
  ParallelBlocks(a.experts, 8, [&](int64_t begin, int64_t end) {
    std::array<double, 8> sums = {};
    for (int64_t t = 0; t < a.tokens; ++t) {
      for (int64_t e = begin; e < end; ++e)
        sums[static_cast<size_t>(e - begin)] += std::exp(a.logits[t * a.experts + e] - log_sums[t]);
    }
    for (int64_t e = begin; e < end; ++e) put(a.probabilities + e, sums[static_cast<size_t>(e - begin)]);
  });
  std::vector<int64_t> counts(static_cast<size_t>(a.experts));
  for (int64_t i = 0; i < a.tokens * a.chosen; ++i) ++counts[static_cast<size_t>(a.choice[i])];
  for (int64_t e = 0; e < a.experts; ++e) put(a.counts + e, static_cast<double>(counts[static_cast<size_t>(e)]));
  double squares = 0;
  for (int64_t t = 0; t < a.tokens; ++t) squares += static_cast<double>(log_sums[t]) * log_sums[t];
  put(a.squares, squares);
}

}  // namespace hlm
