#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"
#include "tests/ops/lines.h"

namespace hlm::ops_test {
namespace {

constexpr float kEpsilon = 1e-5f;

struct Norm {
  DType type;
  NormKind kind;
  size_t rows, heads, width;
  bool weight, bias, by_head, residual, in_place;
  Lay lay;

  size_t lines() const { return rows * heads; }
  size_t weights() const { return by_head ? heads * width : width; }
  std::string name() const {
    return StrCat("Norm_", Name(type), kind.center ? "_layer" : "_rms", kind.one_plus ? "_plus1" : "",
                  kind.round_first ? "_first" : "", weight ? "_w" : "", bias ? "_b" : "", by_head ? "_byhead" : "",
                  residual ? "_residual" : "", in_place ? "_inplace" : "", "_", ops_test::Name(lay), "_", rows, "x", heads, "x",
                  width);
  }

  // inputs: x, w, bias; y is [norm(x), x] where the gradient goes past the norm as well.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(in[0].size());
    for (size_t line = 0; line < lines(); ++line) {
      const double* x = &in[0][line * width];
      double mean = 0, squares = 0;
      for (size_t i = 0; i < width; ++i) mean += kind.center ? x[i] / static_cast<double>(width) : 0;
      for (size_t i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
      const double rstd = 1 / std::sqrt(squares / static_cast<double>(width) + static_cast<double>(kEpsilon));
      for (size_t i = 0; i < width; ++i) {
        const size_t at = (by_head ? line % heads * width : 0) + i;
        const double w = weight ? in[1][at] + (kind.one_plus ? 1 : 0) : 1;
        y[line * width + i] = (x[i] - mean) * rstd * w + (bias ? in[2][at] : 0);
      }
    }
    if (residual) y.insert(y.end(), in[0].begin(), in[0].end());
    return y;
  }

  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed placed(rows, heads, width, lay);
    DeviceArray &x = rig.Put(type, placed.Spread(in[0])), &w = rig.Put(type, in[1]), &b = rig.Put(type, in[2]);
    DeviceArray &y = rig.Put(type, placed.Spread(Doubles(in[0].size()))), &rstd = rig.New(DType::kF32, lines()),
                &mean = rig.New(DType::kF32, lines());
    rig.Run(&Ops::Norm, {.type = type,
                         .kind = kind,
                         .rows = static_cast<int64_t>(rows),
                         .heads = static_cast<int64_t>(heads),
                         .width = static_cast<int64_t>(width),
                         .epsilon = kEpsilon,
                         .x = placed.Read(x),
                         .w = weight ? w.data() : nullptr,
                         .bias = bias ? b.data() : nullptr,
                         .by_head = by_head,
                         .y = placed.Write(y),
                         .mean = kind.center ? mean.floats() : nullptr,
                         .rstd = rstd.floats()});
    Results results;
    Doubles made = placed.Gather(y.Get());
    if (residual) made.insert(made.end(), in[0].begin(), in[0].end());
    results.y = &rig.Put(type, made);
    if (dy == nullptr) return results;
    const size_t n = in[0].size();
    DeviceArray& d = rig.Put(type, placed.Spread(Doubles(dy->begin(), dy->begin() + static_cast<int64_t>(n))));
    DeviceArray* past =
        residual ? &rig.Put(type, placed.Spread(Doubles(dy->begin() + static_cast<int64_t>(n), dy->end()))) : nullptr;
    DeviceArray& dx = !in_place ? rig.Put(type, placed.Spread(Doubles(n))) : residual ? *past : d;
    // Added to what is there: twice as much of it is a mistake that shows.
    DeviceArray &dw = rig.Put(DType::kF32, Doubles(weights(), 3)), &db = rig.New(DType::kF32, weights());
    const auto backward = [&](bool accumulate, float* to_w, float* to_b) {
      return NormBackwardArgs{.type = type,
                              .kind = kind,
                              .rows = static_cast<int64_t>(rows),
                              .heads = static_cast<int64_t>(heads),
                              .width = static_cast<int64_t>(width),
                              .x = placed.Read(x),
                              .w = weight ? w.data() : nullptr,
                              .by_head = by_head,
                              .mean = kind.center ? mean.floats() : nullptr,
                              .rstd = rstd.floats(),
                              .dy = placed.Read(d),
                              .residual = residual ? placed.Read(*past) : View(),
                              .dx = placed.Write(dx),
                              .dw = to_w,
                              .dbias = to_b,
                              .accumulate = accumulate};
    };
    rig.Run(&Ops::NormBackward, backward(weight && !bias, weight ? dw.floats() : nullptr, bias ? db.floats() : nullptr));
    Doubles weight_gradient = dw.Get();
    if (weight && !bias) {
      for (double& value : weight_gradient) value -= 3;
    }
    results.gradients = {placed.Dense(rig, dx), weight ? &rig.Put(DType::kF32, weight_gradient) : nullptr, bias ? &db : nullptr};
    return results;
  }
};

OpCase CaseOf(const Norm& norm) {
  OpCase c;
  c.name = norm.name();
  c.type = norm.type;
  c.inputs = {Normals(norm.lines() * norm.width, "x", 2), Normals(norm.weights(), "w"), Normals(norm.weights(), "b")};
  c.exact = [norm](const std::vector<Doubles>& in) { return norm.Exact(in); };
  c.run = [norm](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return norm.Run(rig, in, dy); };
  c.roundings = norm.kind.round_first ? 2 : 1;
  return c;
}

}  // namespace

std::vector<OpCase> NormCases() {
  std::vector<OpCase> cases;
  const NormKind llama{.round_first = true}, gemma{.one_plus = true}, olmo{}, layer{.center = true},
      nemotron{.center = true, .one_plus = true};
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const Lay lay : {Lay::kTight, Lay::kWide, Lay::kApart}) {
      for (const auto& [rows, heads, width] : {std::tuple<size_t, size_t, size_t>{3, 1, 24}, {4, 3, 16}, {2, 2, 11}}) {
        cases.push_back(CaseOf({type, llama, rows, heads, width, true, false, false, false, false, lay}));
        cases.push_back(CaseOf({type, gemma, rows, heads, width, true, false, false, true, false, lay}));
        cases.push_back(CaseOf({type, olmo, rows, heads, width, true, false, false, true, true, lay}));
        cases.push_back(CaseOf({type, olmo, rows, heads, width, false, false, false, false, true, lay}));
        cases.push_back(CaseOf({type, layer, rows, heads, width, true, true, false, true, true, lay}));
        cases.push_back(CaseOf({type, layer, rows, heads, width, true, false, true, false, false, lay}));
        cases.push_back(CaseOf({type, layer, rows, heads, width, false, false, false, true, false, lay}));
        cases.push_back(CaseOf({type, nemotron, rows, heads, width, true, true, false, false, true, lay}));
      }
    }
    // More rows than one block of sums, and lines that a whole block of a GPU shares.
    cases.push_back(CaseOf({type, gemma, 150, 2, 8, true, false, true, false, false, Lay::kTight}));
    cases.push_back(CaseOf({type, layer, 2, 1, 1100, true, true, false, false, false, Lay::kTight}));
  }
  return cases;
}

std::vector<OpCase> NormSpeedCases(size_t tokens) {
  const NormKind llama{.round_first = true}, gemma{.one_plus = true}, layer{.center = true};
  return {CaseOf({DType::kBF16, llama, tokens, 1, 2048, true, false, false, true, true, Lay::kTight}),
          CaseOf({DType::kBF16, gemma, tokens, 1, 2048, true, false, false, true, true, Lay::kTight}),
          CaseOf({DType::kBF16, layer, tokens, 1, 2048, true, true, false, true, true, Lay::kTight}),
          CaseOf({DType::kBF16, gemma, tokens, 16, 128, true, false, false, false, false, Lay::kWide})};
}

}  // namespace hlm::ops_test
