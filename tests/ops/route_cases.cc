// A router's choice, its gradient, and what its choices come to.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/error.h"
#include "tests/ops/cases.h"

namespace hlm::ops_test {
namespace {

using Ints = std::vector<int32_t>;

Ints IntsOf(const DeviceArray& array) {
  const std::vector<std::byte> bytes = array.Bytes();
  Ints ints(bytes.size() / 4);
  std::memcpy(ints.data(), bytes.data(), bytes.size());
  return ints;
}

struct Routing {
  std::string about;
  DType type;
  RouteKind kind;
  size_t tokens, experts, chosen;
  bool bias = false, losses = false, ties = false;

  static double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
  static Doubles Softmax(const Doubles& z) {
    const double most = *std::max_element(z.begin(), z.end());
    Doubles p(z.size());
    double sum = 0;
    for (size_t e = 0; e < z.size(); ++e) sum += p[e] = std::exp(z[e] - most);
    for (double& x : p) x /= sum;
    return p;
  }
  static double LogSum(const Doubles& z) {
    const double most = *std::max_element(z.begin(), z.end());
    double sum = 0;
    for (const double x : z) sum += std::exp(x - most);
    return most + std::log(sum);
  }
  // One by one, the largest that is left.
  static std::vector<size_t> Largest(Doubles values, size_t count) {
    std::vector<size_t> best;
    for (size_t i = 0; i < count; ++i) {
      best.push_back(static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin()));
      values[best.back()] = -std::numeric_limits<double>::infinity();
    }
    return best;
  }
  // The weights of one token, 0 for who was not chosen.
  Doubles Mixed(const Doubles& z) const {
    const double inf = std::numeric_limits<double>::infinity();
    Doubles y(experts, 0), left = z;
    for (int j = 0; j < 2; ++j) {
      const size_t best = Largest(left, 1)[0];
      Doubles near = left;
      for (size_t e = 0; e < experts; ++e) {
        if ((left[best] - left[e]) / std::max(std::abs(z[e]), left[best]) > static_cast<double>(kind.nearness)) near[e] = -inf;
      }
      y[best] = Softmax(near)[best];
      left[best] = -inf;
    }
    return y;
  }
  Doubles Chosen(const Doubles& z, const Doubles& b) const {
    if (kind.score == RouteScore::kSparseMixer) return Mixed(z);
    Doubles scores = Softmax(z), worth;
    if (kind.score == RouteScore::kSigmoid) std::transform(z.begin(), z.end(), scores.begin(), Sigmoid);
    worth = kind.score == RouteScore::kSoftmaxOfChosen ? z : scores;
    for (size_t e = 0; e < experts; ++e) worth[e] += bias ? b[e] : 0;
    const auto groups = static_cast<size_t>(kind.groups), size = experts / groups;
    Doubles group_worth;
    for (size_t g = 0; g < groups; ++g) {
      Doubles members(worth.begin() + static_cast<long>(g * size), worth.begin() + static_cast<long>((g + 1) * size));
      std::sort(members.rbegin(), members.rend());
      group_worth.push_back(kind.group_of_two ? members[0] + members[1] : members[0]);
    }
    const std::vector<size_t> best = Largest(group_worth, static_cast<size_t>(kind.best_groups));
    for (size_t e = 0; e < experts; ++e) {
      if (std::find(best.begin(), best.end(), e / size) == best.end()) worth[e] = -std::numeric_limits<double>::infinity();
    }
    const std::vector<size_t> choice = Largest(worth, chosen);
    if (kind.score == RouteScore::kSoftmaxOfChosen) {
      Doubles of;
      for (const size_t e : choice) of.push_back(z[e]);
      const Doubles p = Softmax(of);
      for (size_t j = 0; j < chosen; ++j) scores[choice[j]] = p[j];
    }
    double sum = static_cast<double>(kind.sum_add);
    for (const size_t e : choice) sum += scores[e];
    sum = kind.normalize ? std::max(sum, static_cast<double>(kind.sum_least)) : 1;
    Doubles y(experts, 0);
    for (const size_t e : choice) y[e] = static_cast<double>(kind.scale) * scores[e] / sum;
    return y;
  }
  Doubles Row(const Doubles& z, size_t t) const {
    return {z.begin() + static_cast<long>(t * experts), z.begin() + static_cast<long>((t + 1) * experts)};
  }
  Doubles Balance() const { return Normals(experts, "balance"); }
  static constexpr double kZ = 0.25;

  // The weights, then, with losses, both of their terms.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y;
    double balance = 0, squares = 0;
    const Doubles g = Stored(DType::kF32, Balance());
    for (size_t t = 0; t < tokens; ++t) {
      const Doubles z = Row(in[0], t), weights = Chosen(z, in[1]), p = Softmax(z);
      y.insert(y.end(), weights.begin(), weights.end());
      for (size_t e = 0; e < experts; ++e) balance += g[e] * p[e];
      squares += LogSum(z) * LogSum(z);
    }
    if (losses) y.insert(y.end(), {balance, kZ * squares});
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const auto t = static_cast<int64_t>(tokens), n = static_cast<int64_t>(experts), k = static_cast<int64_t>(chosen);
    DeviceArray &logits = rig.Put(DType::kF32, in[0]), &choice = rig.New(DType::kF32, tokens * chosen);
    DeviceArray& weights = rig.New(DType::kF32, tokens * chosen);
    const void* b = bias ? rig.Put(type, in[1]).data() : nullptr;
    auto* choice_data = static_cast<int32_t*>(choice.data());
    rig.Run(&Ops::Route, {type, kind, t, n, k, logits.floats(), b, choice_data, weights.floats()});
    const Ints chose = IntsOf(choice);
    Doubles y = Exact(in);  // the terms of the loss are not this operation's
    std::fill_n(y.begin(), tokens * experts, 0.0);
    const Doubles w = weights.Get();
    for (size_t i = 0; i < w.size(); ++i) y[i / chosen * experts + static_cast<size_t>(chose[i])] += w[i];
    Results results;
    results.y = &rig.Put(DType::kF32, y);
    if (dy == nullptr) return results;
    Doubles dw(w.size());
    for (size_t i = 0; i < w.size(); ++i) dw[i] = (*dy)[i / chosen * experts + static_cast<size_t>(chose[i])];
    Doubles g = Balance();
    for (double& x : g) x = static_cast<double>(static_cast<float>(x)) * (losses ? (*dy)[tokens * experts] : 0);
    DeviceArray& dz = rig.New(type, tokens * experts);
    rig.Run(&Ops::RouteBackward, {type, kind, t, n, k, logits.floats(), choice_data, rig.Put(DType::kF32, dw).floats(),
                                  losses ? rig.Put(DType::kF32, g).floats() : nullptr,
                                  static_cast<float>(losses ? kZ * (*dy)[tokens * experts + 1] : 0), dz.data()});
    results.gradients = {ties ? nullptr : &dz, nullptr};
    return results;
  }
};

OpCase CaseOf(const Routing& r) {
  OpCase c;
  c.name = StrCat("Route_", Name(r.type), "_", r.about, "_", r.tokens, "x", r.chosen, "of", r.experts);
  c.type = r.type;
  Doubles logits = Normals(r.tokens * r.experts, "logits", 1.5);
  if (r.ties) {
    for (double& z : logits) z = z > 0.5 ? 1 : 0;
  }
  c.inputs = {logits, Normals(r.experts, "bias", 0.3)};
  c.exact = [r](const std::vector<Doubles>& in) { return r.Exact(in); };
  c.run = [r](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return r.Run(rig, in, dy); };
  return c;
}

struct Load {
  size_t tokens, experts, chosen;

  Doubles Exact(const std::vector<Doubles>& in) const {
    const Routing routing{"", DType::kF32, {}, tokens, experts, chosen};
    Doubles y(2 * experts + 1, 0);
    for (size_t t = 0; t < tokens; ++t) {
      const Doubles z = routing.Row(in[0], t), p = Routing::Softmax(z);
      for (const size_t e : Routing::Largest(z, chosen)) ++y[e];
      for (size_t e = 0; e < experts; ++e) y[experts + e] += p[e];
      y[2 * experts] += Routing::LogSum(z) * Routing::LogSum(z);
    }
    return y;
  }
  // Twice, the second time added to the first.
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles*) const {
    const auto t = static_cast<int64_t>(tokens), n = static_cast<int64_t>(experts), k = static_cast<int64_t>(chosen);
    DeviceArray &logits = rig.Put(DType::kF32, in[0]), &choice = rig.New(DType::kF32, tokens * chosen);
    DeviceArray &weights = rig.New(DType::kF32, tokens * chosen), &sums = rig.New(DType::kF32, 2 * experts + 1);
    auto* choice_data = static_cast<int32_t*>(choice.data());
    rig.Run(&Ops::Route, {DType::kF32, {}, t, n, k, logits.floats(), nullptr, choice_data, weights.floats()});
    for (const bool accumulate : {false, true}) {
      rig.Run(&Ops::RouteLoad,
              {t, n, k, logits.floats(), choice_data, accumulate, sums.floats(), sums.floats() + n, sums.floats() + 2 * n});
    }
    Doubles y = sums.Get();
    for (double& x : y) x /= 2;
    Results results;
    results.y = &rig.Put(DType::kF32, y);
    results.gradients = {nullptr};
    return results;
  }
};

OpCase CaseOf(const Load& l) {
  OpCase c;
  c.name = StrCat("RouteLoad_", l.tokens, "x", l.chosen, "of", l.experts);
  c.inputs = {Normals(l.tokens * l.experts, "logits", 1.5)};
  c.exact = [l](const std::vector<Doubles>& in) { return l.Exact(in); };
  c.run = [l](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return l.Run(rig, in, dy); };
  return c;
}

RouteKind Kind(RouteScore score, bool normalize = false) {
  RouteKind kind;
  kind.score = score;
  kind.normalize = normalize;
  return kind;
}

}  // namespace

std::vector<OpCase> RouteCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    RouteKind scaled = Kind(RouteScore::kSigmoid, true), best = Kind(RouteScore::kSoftmax),
              floor = Kind(RouteScore::kSoftmax, true);
    scaled.scale = 1.7f, scaled.groups = 4, scaled.best_groups = 2, scaled.group_of_two = true, scaled.sum_add = 1e-20f;
    best.groups = 4, best.best_groups = 2, best.scale = 0.5f;
    floor.sum_least = 0.6f;
    RouteKind many = scaled;
    many.groups = 40, many.best_groups = 33;
    RouteKind mixer = Kind(RouteScore::kSparseMixer);
    mixer.nearness = 0.4f;
    for (const Routing& r :
         std::initializer_list<Routing>{{"softmax", type, Kind(RouteScore::kSoftmax), 37, 8, 3},
                                        {"softmax_normalized", type, Kind(RouteScore::kSoftmax, true), 37, 8, 3},
                                        {"softmax_losses", type, Kind(RouteScore::kSoftmax, true), 9, 6, 2, false, true},
                                        {"softmax_least", type, floor, 37, 8, 2},
                                        {"softmax_bias", type, Kind(RouteScore::kSoftmax, true), 37, 8, 2, true},
                                        {"softmax_groups", type, best, 37, 8, 3},
                                        {"chosen", type, Kind(RouteScore::kSoftmaxOfChosen), 37, 9, 4},
                                        {"sigmoid", type, Kind(RouteScore::kSigmoid), 37, 4, 1},
                                        {"sigmoid_one", type, Kind(RouteScore::kSigmoid), 5, 1, 1},
                                        {"sigmoid_bias_groups", type, scaled, 37, 16, 3, true},
                                        {"sparsemixer", type, mixer, 37, 6, 2},
                                        {"all", type, Kind(RouteScore::kSoftmaxOfChosen), 3, 4, 4},
                                        {"ties", type, Kind(RouteScore::kSoftmax, true), 21, 8, 3, false, false, true},
                                        {"ties_sigmoid", type, scaled, 21, 16, 3, false, false, true},
                                        {"many", type, Kind(RouteScore::kSoftmax, true), 5, 128, 8},
                                        {"many_chosen", type, Kind(RouteScore::kSigmoid, true), 3, 200, 40},
                                        {"many_groups", type, many, 2, 120, 6}}) {
      cases.push_back(CaseOf(r));
    }
  }
  cases.push_back(CaseOf(Load{37, 8, 3}));
  cases.push_back(CaseOf(Load{300, 129, 8}));
  return cases;
}

std::vector<OpCase> RouteSpeedCases(size_t tokens) {
  return {CaseOf(Routing{"speed", DType::kBF16, Kind(RouteScore::kSoftmax, true), tokens, 128, 8})};
}

}  // namespace hlm::ops_test
