// Rates of products by expert beside dense ones of the same size, and of what moves rows there and back: for the third mode alone.
#include <algorithm>

#include "core/base/error.h"
#include "tests/ops/cases.h"

namespace hlm::ops_test {
namespace {

struct Grouped {
  DType type;
  bool even;  // all experts have as many rows; else the last one has twice the mean and the first one hardly any
  size_t rows, experts, chosen, in, out;  // rows: of an expert, on the mean

  size_t tokens() const { return rows * experts / chosen; }
  std::vector<int32_t> Choice() const {
    std::vector<int32_t> choice(tokens() * chosen);
    for (size_t i = 0; i < choice.size(); ++i) {
      size_t e = i % experts;
      // Of two experts the higher one, or both by turns.
      if (!even) e = std::max(e, (i / experts * 7 + i * 3) % experts);
      choice[i] = static_cast<int32_t>(e);
    }
    return choice;
  }
  // Random numbers that repeat: a chip draws less power for equal ones and runs faster.
  static DeviceArray& Fill(Rig& rig, DType type, size_t n) {
    constexpr size_t kBlock = 1000003;
    DeviceArray &block = rig.Put(type, Normals(std::min(n, kBlock), "values", 0.1)), &all = rig.New(type, n);
    for (size_t at = 0; at < n; at += block.size()) {
      auto* to = static_cast<std::byte*>(all.data()) + at * SizeOf(type);
      rig.stream().Copy(to, block.data(), std::min(block.size(), n - at) * SizeOf(type));
    }
    rig.stream().Synchronize();
    return all;
  }
  Results Run(Rig& rig, const Doubles* dy) const {
    Results results;
    results.y = &rig.New(DType::kF32, 1);
    results.gradients = {};
    if (dy == nullptr) return results;
    const auto n = static_cast<int64_t>(tokens()), e = static_cast<int64_t>(experts), k = static_cast<int64_t>(chosen);
    const auto wide = static_cast<int64_t>(in), high = static_cast<int64_t>(out), pairs = n * k, stride = wide * high;
    const size_t count = tokens() * chosen;
    const int32_t* choice = rig.PutInts(Choice());
    const auto ints = [&](size_t size) { return static_cast<int32_t*>(rig.New(DType::kF32, size).data()); };
    int32_t *offsets = ints(experts + 1), *rows_of = ints(count), *sources = ints(count);
    const void *x = Fill(rig, type, tokens() * in).data(), *w = Fill(rig, type, experts * out * in).data();
    const float* weights = rig.Put(DType::kF32, Doubles(count, 0.5)).floats();
    void *xs = rig.New(type, count * in).data(), *dxs = rig.New(type, count * in).data(), *ys = rig.New(type, count * out).data();
    void *y = rig.New(type, tokens() * out).data(), *dys = Fill(rig, type, count * out).data();
    float *dw = Fill(rig, DType::kF32, experts * out * in).floats(), *dweights = rig.New(DType::kF32, count).floats();
    rig.Run(&Ops::SortChoices, {n, e, k, choice, offsets, rows_of, sources});
    rig.Run(&Ops::GatherRows, {type, n, k, wide, x, sources, nullptr, xs});
    const ExpertRange all{e, 0, e, offsets};
    rig.Run(&Ops::GroupedLinear, {type, pairs, wide, high, all, xs, w, stride, nullptr, 0, ys});
    rig.Run(&Ops::Linear, {.type = type, .y_type = type, .tokens = pairs, .in = wide, .out = high, .x = xs, .w = w, .y = ys});
    rig.Run(&Ops::GroupedLinearBackwardInput, {type, pairs, wide, high, all, dys, w, stride, dxs});
    rig.Run(&Ops::LinearBackwardInput, {.type = type, .tokens = pairs, .in = wide, .out = high, .dy = dys, .w = w, .dx = dxs});
    rig.Run(&Ops::GroupedLinearBackwardWeight, {type, pairs, wide, high, all, dys, xs, dw, stride, nullptr, 0, true});
    rig.Run(&Ops::LinearBackwardWeight,
            {.type = type, .tokens = pairs, .in = wide, .out = high, .dy = dys, .x = xs, .dw = dw, .accumulate = true});
    rig.Run(&Ops::CombineRows, {type, n, k, high, ys, rows_of, weights, nullptr, y});
    rig.Run(&Ops::RowDots, {type, n, k, high, dys, rows_of, DotWith::kRow, ys, nullptr, 0, 0, 0, weights, false, dweights});
    return results;
  }
};

OpCase CaseOf(const Grouped& g) {
  OpCase c;
  c.name = StrCat("Grouped_", Name(g.type), g.even ? "_even_" : "_uneven_", g.experts, "x", g.rows, "_", g.in, "to", g.out);
  c.type = g.type;
  c.run = [g](Rig& rig, const std::vector<Doubles>&, const Doubles* dy) { return g.Run(rig, dy); };
  return c;
}

}  // namespace

// `rows`: of an expert.
std::vector<OpCase> GroupedSpeedCases(size_t rows) {
  std::vector<OpCase> cases;
  for (const bool even : {true, false}) {
    cases.push_back(CaseOf(Grouped{DType::kBF16, even, rows, 16, 4, 2048, 2048}));
    cases.push_back(CaseOf(Grouped{DType::kBF16, even, rows, 16, 4, 2048, 4096}));
    cases.push_back(CaseOf(Grouped{DType::kBF16, even, rows, 16, 4, 4096, 4096}));
    cases.push_back(CaseOf(Grouped{DType::kBF16, even, rows, 32, 4, 2880, 5760}));
  }
  return cases;
}

}  // namespace hlm::ops_test
