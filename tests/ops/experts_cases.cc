// Rows on their way to experts and back, and products by expert.
#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"

namespace hlm::ops_test {
namespace {

using Ints = std::vector<int32_t>;

enum class Fall { kSpread, kOne, kSkewed };  // where the pairs go

struct Mixture {
  DType type;
  Fall fall;
  size_t tokens, experts, chosen, in, out;
  bool bias, addend, split;  // split: the products in two ranges, whose matrices lie apart
  bool large = false;        // beyond a tile or a segment: too much for differences

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
  std::vector<Doubles> Gradients(const std::vector<Doubles>& v, const Doubles& dy) const {
    const Ints choice = Choice();
    std::vector<Doubles> d;
    for (const Doubles& input : v) d.emplace_back(input.size(), 0);
    for (size_t pair = 0; pair < choice.size(); ++pair) {
      const size_t t = pair / chosen, e = static_cast<size_t>(choice[pair]);
      for (size_t o = 0; o < out; ++o) {
        const size_t row = e * out + o;
        const double g = dy[t * out + o], weighed = v[1][pair] * g;
        d[1][pair] += bias ? g * v[3][row] : 0;
        d[3][row] += weighed;
        for (size_t i = 0; i < in; ++i) {
          const double w = v[2][row * in + i], x = v[0][t * in + i];
          d[1][pair] += g * x * w;
          d[0][t * in + i] += weighed * w;
          d[2][row * in + i] += weighed * x;
        }
      }
    }
    return d;
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
    const auto rows_of = [](const ExpertRange& r) { return RowRange{r.offsets, r.first, r.first + r.count}; };
    ranges([&](const ExpertRange& range, int64_t from) {
      rig.Run(&Ops::GatherRows, {type, n, k, wide, x.data(), sources, nullptr, xs.data(), split ? rows_of(range) : RowRange{}});
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
    ranges([&](const ExpertRange& range, int64_t) {
      rig.Run(&Ops::RowDots, {type, n, k, high, dys.data(), rows, DotWith::kRow, ys.data(), choice, range.first,
                              split ? range.count : 0, 0, nullptr, false, dweights.floats()});
    });
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
  if (m.large) c.exact_gradients = [m](const std::vector<Doubles>& in, const Doubles& dy) { return m.Gradients(in, dy); };
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

}  // namespace

std::vector<OpCase> ExpertCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const Mixture& m : std::initializer_list<Mixture>{{type, Fall::kSpread, 17, 5, 2, 8, 16, false, false, false},
                                                           {type, Fall::kSpread, 13, 6, 3, 16, 8, true, true, true},
                                                           {type, Fall::kOne, 19, 4, 1, 16, 8, true, false, true},
                                                           {type, Fall::kOne, 11, 4, 2, 8, 8, false, true, false},
                                                           {type, Fall::kSkewed, 23, 7, 2, 8, 24, true, false, true},
                                                           {type, Fall::kSpread, 1, 8, 2, 8, 8, true, false, false},
                                                           {type, Fall::kSpread, 6, 1, 1, 8, 8, false, false, false},
                                                           {type, Fall::kSpread, 31, 3, 2, 20, 12, true, true, false},
                                                           {type, Fall::kSpread, 300, 3, 2, 136, 264, true, true, false, true},
                                                           {type, Fall::kSkewed, 270, 7, 2, 72, 136, false, false, true, true},
                                                           {type, Fall::kOne, 150, 5, 1, 264, 72, true, false, true, true},
                                                           {type, Fall::kSpread, 40, 1100, 2, 8, 8, true, false, true, true}}) {
      cases.push_back(CaseOf(m));
    }
    for (const DotWith with : {DotWith::kRow, DotWith::kToken, DotWith::kExpert}) {
      cases.push_back(CaseOf(Dots{type, with, 9, 4, 3, 24}));
      cases.push_back(CaseOf(Dots{type, with, 3, 4, 1, 520}));
    }
  }
  // More pairs than 1,024 of the shortest segments hold.
  cases.push_back(CaseOf(Mixture{DType::kF32, Fall::kSpread, 70000, 40, 4, 8, 8, false, false, false, true}));
  return cases;
}

}  // namespace hlm::ops_test
