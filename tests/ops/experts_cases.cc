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

// ---- routing ----

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

// ---- rows and products ----

enum class Fall { kSpread, kOne, kSkewed };  // where the pairs go

struct Mixture {
  DType type;
  Fall fall;
  size_t tokens, experts, chosen, in, out;
  bool bias, addend, split;  // split: the products in two ranges, whose matrices lie apart

  std::string name() const {
    static const char* const kNames[] = {"spread", "one", "skewed"};
    return StrCat("Experts_", Name(type), "_", kNames[static_cast<int>(fall)], bias ? "_bias" : "", addend ? "_addend" : "",
                  split ? "_split" : "", "_", tokens, "x", chosen, "of", experts, "_", in, "to", out);
  }
  Ints Choice() const {
    Ints choice;
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t j = 0; j < chosen; ++j) {
        size_t e = (t * 7 + j * 3 + t / 3) % experts;
        if (fall == Fall::kOne) e = (experts - 1 + j) % experts;
        if (fall == Fall::kSkewed) e = t % 5 == 0 ? (t + j) % experts : (1 + j) % experts;
        choice.push_back(static_cast<int32_t>(e));
      }
    }
    return choice;
  }
  // inputs: x, weights of the choice, matrices, biases, addend.
  Doubles Exact(const std::vector<Doubles>& v) const {
    const Ints choice = Choice();
    Doubles y(tokens * out, 0);
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t o = 0; o < out; ++o) {
        double& sum = y[t * out + o];
        if (addend) sum = v[4][t * out + o];
        for (size_t j = 0; j < chosen; ++j) {
          const auto e = static_cast<size_t>(choice[t * chosen + j]);
          double dot = bias ? v[3][e * out + o] : 0;
          for (size_t i = 0; i < in; ++i) dot += v[0][t * in + i] * v[2][(e * out + o) * in + i];
          sum += v[1][t * chosen + j] * dot;
        }
      }
    }
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& v, const Doubles* dy) const {
    const auto n = static_cast<int64_t>(tokens), k = static_cast<int64_t>(chosen), e = static_cast<int64_t>(experts);
    const auto wide = static_cast<int64_t>(in), high = static_cast<int64_t>(out), pairs = n * k;
    const int32_t* choice = rig.PutInts(Choice());
    const auto ints = [&](size_t count) { return static_cast<int32_t*>(rig.New(DType::kF32, count).data()); };
    int32_t *offsets = ints(experts + 1), *rows = ints(tokens * chosen), *sources = ints(tokens * chosen);
    rig.Run(&Ops::SortChoices, {n, e, k, choice, offsets, rows, sources});

    // An expert's matrix and its bias follow each other, and a gap.
    const size_t apart = out * in + out + 8;
    const auto spread = [&](const Doubles& matrices, const Doubles& biases) {
      Doubles all(experts * apart, 55);
      for (size_t x = 0; x < experts; ++x) {
        std::copy_n(matrices.begin() + static_cast<long>(x * out * in), out * in, all.begin() + static_cast<long>(x * apart));
        std::copy_n(biases.begin() + static_cast<long>(x * out), out, all.begin() + static_cast<long>(x * apart + out * in));
      }
      return all;
    };
    const auto part = [&](const DeviceArray& array, bool of_bias) {
      const Doubles all = array.Get();
      Doubles dense;
      for (size_t x = 0; x < experts; ++x) {
        const auto at = all.begin() + static_cast<long>(x * apart + (of_bias ? out * in : 0));
        dense.insert(dense.end(), at, at + static_cast<long>(of_bias ? out : out * in));
      }
      return dense;
    };
    const DeviceArray &x = rig.Put(type, v[0]), &w = rig.Put(type, spread(v[2], v[3]));
    const float* weights = rig.Put(DType::kF32, v[1]).floats();
    DeviceArray &xs = rig.New(type, tokens * chosen * in), &ys = rig.New(type, tokens * chosen * out),
                &y = rig.New(type, tokens * out);
    const void* more = nullptr;
    if (addend) y.Put(v[4]), more = y.data();
    const auto stride = static_cast<int64_t>(apart), size = static_cast<int64_t>(SizeOf(type));
    const auto ranges = [&](const auto& work) {
      const int64_t half = split ? e / 2 : 0;
      if (half > 0) work(ExpertRange{e, 0, half, offsets}, int64_t{0});
      work(ExpertRange{e, half, e - half, offsets}, half * stride);
    };
    const auto at = [&](int64_t place) { return static_cast<const char*>(w.data()) + place * size; };
    rig.Run(&Ops::GatherRows, {type, n, k, wide, x.data(), sources, nullptr, xs.data()});
    ranges([&](const ExpertRange& range, int64_t from) {
      rig.Run(&Ops::GroupedLinear, {type, pairs, wide, high, range, xs.data(), at(from), stride,
                                    bias ? at(from + high * wide) : nullptr, bias ? stride : 0, ys.data()});
    });
    rig.Run(&Ops::CombineRows, {type, n, k, high, ys.data(), rows, weights, more, y.data()});
    Results results;
    results.y = &y;
    if (dy == nullptr) return results;

    const DeviceArray& d = rig.Put(type, *dy);
    DeviceArray &dys = rig.New(type, tokens * chosen * out), &dxs = rig.New(type, tokens * chosen * in),
                &dx = rig.New(type, tokens * in);
    DeviceArray &dw = rig.Put(DType::kF32, Doubles(experts * apart, 55)), &dweights = rig.New(DType::kF32, tokens * chosen);
    rig.Run(&Ops::GatherRows, {type, n, k, high, d.data(), sources, nullptr, dys.data()});
    rig.Run(&Ops::RowDots,
            {type, n, k, high, dys.data(), rows, DotWith::kRow, ys.data(), nullptr, 0, 0, 0, nullptr, false, dweights.floats()});
    rig.Run(&Ops::GatherRows, {type, n, k, high, d.data(), sources, weights, dys.data()});
    for (const bool accumulate : {false, true}) {  // the second time added to the first
      ranges([&](const ExpertRange& range, int64_t from) {
        rig.Run(&Ops::GroupedLinearBackwardWeight,
                {type, pairs, wide, high, range, dys.data(), xs.data(), dw.floats() + from, stride,
                 bias ? dw.floats() + from + high * wide : nullptr, bias ? stride : 0, accumulate});
      });
    }
    ranges([&](const ExpertRange& range, int64_t from) {
      rig.Run(&Ops::GroupedLinearBackwardInput, {type, pairs, wide, high, range, dys.data(), at(from), stride, dxs.data()});
    });
    rig.Run(&Ops::CombineRows, {type, n, k, wide, dxs.data(), rows, nullptr, nullptr, dx.data()});
    const auto halved = [&](bool of_bias) {
      Doubles sums = part(dw, of_bias);
      for (double& s : sums) s /= 2;
      return &rig.Put(DType::kF32, sums);
    };
    results.gradients = {&dx, &dweights, halved(false), bias ? halved(true) : nullptr, nullptr};
    return results;
  }
};

OpCase CaseOf(const Mixture& m) {
  OpCase c;
  c.name = m.name();
  c.type = m.type;
  Doubles weights = Normals(m.tokens * m.chosen, "weights");
  for (double& w : weights) w = 0.1 + std::abs(w);
  c.inputs = {Normals(m.tokens * m.in, "x"), weights, Normals(m.experts * m.out * m.in, "w", 0.3),
              Normals(m.experts * m.out, "b"), Normals(m.tokens * m.out, "addend")};
  c.exact = [m](const std::vector<Doubles>& in) { return m.Exact(in); };
  c.run = [m](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return m.Run(rig, in, dy); };
  c.roundings = 2;
  c.inner = 0x1p-8;  // the experts' results are rounded before they are added up
  return c;
}

// Dots of rows: a weight's gradient in each of its forms.
struct Dots {
  DType type;
  DotWith with;
  size_t tokens, experts, chosen, width;

  // inputs: a, b, divisors; y is [tokens, chosen].
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(tokens * chosen, 0);
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t row = y.size() - 1 - i, e = (i * 5) % experts;
      const size_t other = with == DotWith::kRow ? row : with == DotWith::kToken ? i / chosen : e;
      if (with == DotWith::kExpert && (e < 1 || e > 2)) continue;
      if (in[2][i] == 0) continue;
      for (size_t c = 0; c < width; ++c) y[i] += in[0][row * width + c] * in[1][other * width + c] / in[2][i];
    }
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles*) const {
    Ints rows, choice;
    for (size_t i = 0; i < tokens * chosen; ++i) {
      rows.push_back(static_cast<int32_t>(tokens * chosen - 1 - i));
      choice.push_back(static_cast<int32_t>((i * 5) % experts));
    }
    const bool by_expert = with == DotWith::kExpert;
    const auto w = static_cast<int64_t>(width);
    const DeviceArray &a = rig.Put(type, in[0]), &b = rig.Put(type, in[1]);
    const auto* from = static_cast<const char*>(b.data()) + (by_expert ? width * SizeOf(type) : 0);
    DeviceArray& y = rig.Put(DType::kF32, Doubles(tokens * chosen, 2));
    rig.Run(&Ops::RowDots, {type, static_cast<int64_t>(tokens), static_cast<int64_t>(chosen), w, a.data(), rig.PutInts(rows),
                            with, from, rig.PutInts(choice), by_expert ? 1 : 0, by_expert ? 2 : 0, w,
                            rig.Put(DType::kF32, in[2]).floats(), true, y.floats()});
    Doubles values = y.Get();
    for (double& value : values) value -= 2;  // what was there
    Results results;
    results.y = &rig.Put(DType::kF32, values);
    results.gradients = {nullptr, nullptr, nullptr};
    return results;
  }
};

OpCase CaseOf(const Dots& d) {
  OpCase c;
  static const char* const kNames[] = {"row", "token", "expert"};
  c.name = StrCat("RowDots_", Name(d.type), "_", kNames[static_cast<int>(d.with)], "_", d.tokens, "x", d.chosen, "of", d.experts,
                  "_", d.width);
  c.type = d.type;
  const size_t pairs = d.tokens * d.chosen;
  Doubles divisors = Normals(pairs, "divisors");
  for (double& x : divisors) x = 0.5 + std::abs(x);
  divisors[pairs / 2] = 0;
  const size_t others = d.with == DotWith::kRow ? pairs : d.with == DotWith::kToken ? d.tokens : d.experts;
  c.inputs = {Normals(pairs * d.width, "a"), Normals(others * d.width, "b"), divisors};
  c.exact = [d](const std::vector<Doubles>& in) { return d.Exact(in); };
  c.run = [d](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return d.Run(rig, in, dy); };
  return c;
}

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

std::vector<OpCase> ExpertCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    RouteKind scaled = Kind(RouteScore::kSigmoid, true), best = Kind(RouteScore::kSoftmax),
              floor = Kind(RouteScore::kSoftmax, true);
    scaled.scale = 1.7f, scaled.groups = 4, scaled.best_groups = 2, scaled.group_of_two = true, scaled.sum_add = 1e-20f;
    best.groups = 4, best.best_groups = 2, best.scale = 0.5f;
    floor.sum_least = 0.6f;
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
                                        {"many", type, Kind(RouteScore::kSoftmax, true), 5, 128, 8}}) {
      cases.push_back(CaseOf(r));
    }
    for (const Mixture& m : std::initializer_list<Mixture>{{type, Fall::kSpread, 17, 5, 2, 8, 16, false, false, false},
                                                           {type, Fall::kSpread, 13, 6, 3, 16, 8, true, true, true},
                                                           {type, Fall::kOne, 19, 4, 1, 16, 8, true, false, true},
                                                           {type, Fall::kOne, 11, 4, 2, 8, 8, false, true, false},
                                                           {type, Fall::kSkewed, 23, 7, 2, 8, 24, true, false, true},
                                                           {type, Fall::kSpread, 1, 8, 2, 8, 8, true, false, false},
                                                           {type, Fall::kSpread, 6, 1, 1, 8, 8, false, false, false}}) {
      cases.push_back(CaseOf(m));
    }
    for (const DotWith with : {DotWith::kRow, DotWith::kToken, DotWith::kExpert}) {
      cases.push_back(CaseOf(Dots{type, with, 9, 4, 3, 24}));
      cases.push_back(CaseOf(Dots{type, with, 3, 4, 1, 520}));
    }
  }
  cases.push_back(CaseOf(Load{37, 8, 3}));
  cases.push_back(CaseOf(Load{300, 129, 8}));
  return cases;
}

std::vector<OpCase> ExpertSpeedCases(size_t tokens) {
  return {CaseOf(Mixture{DType::kBF16, Fall::kSpread, tokens, 32, 4, 2048, 1024, false, false, false}),
          CaseOf(Routing{"speed", DType::kBF16, Kind(RouteScore::kSoftmax, true), tokens, 128, 8})};
}

}  // namespace hlm::ops_test
