#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"
#include "tests/ops/lines.h"

namespace hlm::ops_test {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Softplus(double x) { return std::log1p(std::exp(x)); }

const char* NameOf(ActFunction kind) {
  static const char* const kNames[] = {"silu", "sigmoid", "gelu", "gelutanh", "relu", "relu2", "clip", "scale", "xielu"};
  return kNames[static_cast<int>(kind)];
}

constexpr double kLimit = 1.25;
// Held exactly in bf16; xIELU's corner lies nearer to zero than any input.
constexpr double kOwnBeta = 0.625, kOwnEpsilon = -0.00390625, kFactor = 1.75;

struct Act {
  DType type;
  ActFunction kind;
  bool gated, in_place;
  size_t rows, heads, width;
  Lay lay;
  bool own_numbers = false;  // xIELU's beta and epsilon as arrays

  std::string name() const {
    return StrCat("Activate_", Name(type), "_", NameOf(kind), gated ? "_gated" : "", in_place ? "_inplace" : "", "_",
                  ops_test::Name(lay), "_", rows, "x", heads, "x", width, own_numbers ? "_own" : "");
  }
  double Of(double x, double alpha_p, double alpha_n) const {
    constexpr double kPi = 3.14159265358979323846;
    const double beta = own_numbers ? kOwnBeta : 0.5, epsilon = own_numbers ? kOwnEpsilon : -1e-6;
    switch (kind) {
      case ActFunction::kSilu:
        return x * Sigmoid(x);
      case ActFunction::kSigmoid:
        return Sigmoid(x);
      case ActFunction::kGelu:
        return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
      case ActFunction::kGeluTanh:
        return 0.5 * x * (1 + std::tanh(std::sqrt(2 / kPi) * (x + 0.044715 * x * x * x)));
      case ActFunction::kRelu:
        return std::max(x, 0.0);
      case ActFunction::kReluSquared:
        return std::max(x, 0.0) * std::max(x, 0.0);
      case ActFunction::kClip:
        return std::clamp(x, -kLimit, kLimit);
      case ActFunction::kScale:
        return kFactor * x;
      case ActFunction::kXielu:
        if (x > 0) return Softplus(alpha_p) * x * x + beta * x;
        return (std::expm1(std::min(x, epsilon)) - x) * (beta + Softplus(alpha_n)) + beta * x;
    }
    return 0;
  }
  // inputs: x, up, alpha_p, alpha_n.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(in[0].size());
    for (size_t i = 0; i < y.size(); ++i) y[i] = Of(in[0][i], in[2][0], in[3][0]) * (gated ? in[1][i] : 1);
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed placed(rows, heads, width, lay);
    DeviceArray &x = rig.Put(type, placed.Spread(in[0])), &up = rig.Put(type, placed.Spread(in[1]));
    // Whose backward pass takes its results as well.
    const bool over_x = in_place && kind == ActFunction::kClip && !gated;
    DeviceArray& y = over_x ? x : rig.Put(type, placed.Spread(Doubles(in[0].size())));
    const bool xielu = kind == ActFunction::kXielu;
    XieluArgs numbers;
    if (xielu) numbers = {.alpha_p = rig.Put(type, in[2]).data(), .alpha_n = rig.Put(type, in[3]).data()};
    if (own_numbers) numbers.beta = rig.Put(type, {kOwnBeta}).data(), numbers.epsilon = rig.Put(type, {kOwnEpsilon}).data();
    const auto r = static_cast<int64_t>(rows), h = static_cast<int64_t>(heads), w = static_cast<int64_t>(width);
    rig.Run(&Ops::Activate, {type, kind, r, h, w, placed.Read(x), gated ? placed.Read(up) : View(), placed.Write(y), numbers,
                             static_cast<float>(kLimit), static_cast<float>(kFactor)});
    Results results;
    results.y = placed.Dense(rig, y);
    if (dy == nullptr) return results;
    DeviceArray &d = rig.Put(type, placed.Spread(*dy)), &dp = rig.Put(DType::kF32, {3}), &dn = rig.Put(DType::kF32, {3});
    DeviceArray& dx = in_place ? x : rig.Put(type, placed.Spread(Doubles(in[0].size())));
    DeviceArray& dup = in_place ? up : rig.Put(type, placed.Spread(Doubles(in[0].size())));
    rig.Run(&Ops::ActivateBackward,
            {type, kind, r, h, w, placed.Read(x), gated ? placed.Read(up) : View(), placed.Read(d), placed.Write(dx),
             gated ? placed.Write(dup) : MutableView(), numbers, xielu ? dp.floats() : nullptr, xielu ? dn.floats() : nullptr,
             true, static_cast<float>(kLimit), static_cast<float>(kFactor)});
    const auto less = [&](const DeviceArray& a) { return xielu ? &rig.Put(DType::kF32, {a.Get()[0] - 3}) : nullptr; };
    results.gradients = {placed.Dense(rig, dx), gated ? placed.Dense(rig, dup) : nullptr, less(dp), less(dn)};
    return results;
  }
};

OpCase CaseOf(const Act& act) {
  OpCase c;
  c.name = act.name();
  c.type = act.type;
  const size_t n = act.rows * act.heads * act.width;
  // Away from the corners of relu and of a clip, over which no difference may reach.
  Doubles x = Normals(n, "x", 2);
  for (double& value : x) {
    value += value < 0 ? -0.01 : 0.01;
    if (std::abs(std::abs(value) - kLimit) < 0.02) value *= 1.05;
  }
  c.inputs = {x, Normals(n, "up"), {0.3}, {-0.4}};
  c.exact = [act](const std::vector<Doubles>& in) { return act.Exact(in); };
  c.run = [act](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return act.Run(rig, in, dy); };
  return c;
}

struct Clamped {
  DType type;
  size_t tokens, width;

  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(tokens * width);
    for (size_t i = 0; i < y.size(); ++i) {
      const double gate = std::min(in[0][2 * i], 1.5), up = std::clamp(in[0][2 * i + 1], -1.5, 1.5);
      y[i] = (up + 1) * gate * Sigmoid(static_cast<double>(1.702f) * gate);
    }
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const auto t = static_cast<int64_t>(tokens), w = static_cast<int64_t>(width);
    DeviceArray &x = rig.Put(type, in[0]), &y = rig.New(type, tokens * width);
    rig.Run(&Ops::ClampedGlu, {type, t, w, 1.702f, 1.5f, x.data(), y.data()});
    Results results;
    results.y = &y;
    if (dy == nullptr) return results;
    DeviceArray &d = rig.Put(type, *dy), &dx = rig.New(type, in[0].size());
    rig.Run(&Ops::ClampedGluBackward, {type, t, w, 1.702f, 1.5f, x.data(), d.data(), dx.data()});
    rig.Run(&Ops::ClampedGluBackward, {type, t, w, 1.702f, 1.5f, x.data(), d.data(), x.data()});  // in place: the same
    if (x.Bytes() != dx.Bytes()) throw Internal("ClampedGluBackward in place differs");
    results.gradients = {&dx};
    return results;
  }
};

struct Scaled {
  DType type;
  size_t n;
  int form;  // 0: s z, 1: x + s z, 2: x + s z over x, 3: over z
  bool factor = false;

  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(n);
    const double scale = static_cast<double>(0.22f) * (factor ? kFactor : 1);
    for (size_t i = 0; i < n; ++i) y[i] = (form > 0 ? in[0][i] : 0) + scale * in[1][i];
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const auto count = static_cast<int64_t>(n);
    DeviceArray &x = rig.Put(type, in[0]), &z = rig.Put(type, in[1]), &apart = rig.New(type, n);
    DeviceArray& y = form == 2 ? x : form == 3 ? z : apart;
    const void* by = factor ? rig.Put(type, {kFactor}).data() : nullptr;
    rig.Run(&Ops::ScaleAdd, {type, count, 0.22f, form > 0 ? x.data() : nullptr, z.data(), y.data(), by});
    Results results;
    results.y = &y;
    if (dy == nullptr) return results;
    DeviceArray &d = rig.Put(type, *dy), &dz = rig.New(type, n);
    rig.Run(&Ops::ScaleAdd, {type, count, 0.22f, nullptr, d.data(), dz.data(), by});
    results.gradients = {form > 0 ? &d : nullptr, &dz};
    return results;
  }
};

template <class Op>
OpCase CaseOf(const Op& op, const std::string& name, std::vector<Doubles> inputs) {
  OpCase c;
  c.name = name;
  c.type = op.type;
  c.inputs = std::move(inputs);
  c.exact = [op](const std::vector<Doubles>& in) { return op.Exact(in); };
  c.run = [op](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return op.Run(rig, in, dy); };
  return c;
}

}  // namespace

std::vector<OpCase> ActivationCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const ActFunction kind :
         {ActFunction::kSilu, ActFunction::kSigmoid, ActFunction::kGelu, ActFunction::kGeluTanh, ActFunction::kRelu,
          ActFunction::kReluSquared, ActFunction::kClip, ActFunction::kScale, ActFunction::kXielu}) {
      for (const bool gated : {false, true}) {
        cases.push_back(CaseOf(Act{type, kind, gated, false, 3, 1, 24, Lay::kTight}));
        cases.push_back(CaseOf(Act{type, kind, gated, true, 2, 3, 7, Lay::kApart}));
        cases.push_back(CaseOf(Act{type, kind, gated, true, 2, 2, 16, Lay::kWide}));
      }
    }
    cases.push_back(CaseOf(Act{type, ActFunction::kXielu, false, false, 150, 1, 8, Lay::kTight}));
    cases.push_back(CaseOf(Act{type, ActFunction::kXielu, true, false, 5, 1, 8, Lay::kTight, true}));
    for (const size_t width : {8, 5}) {
      const Clamped clamped{type, 4, width};
      cases.push_back(CaseOf(clamped, StrCat("ClampedGlu_", Name(type), "_", width), {Normals(2 * 4 * width, "x", 2)}));
    }
    for (const size_t n : {64, 61}) {
      for (const int form : {0, 1, 2, 3}) {
        for (const bool factor : {false, true}) {
          cases.push_back(CaseOf(Scaled{type, n, form, factor},
                                 StrCat("ScaleAdd_", Name(type), "_", n, "_", form, factor ? "_factor" : ""),
                                 {Normals(n, "x"), Normals(n, "z")}));
        }
      }
    }
  }
  return cases;
}

std::vector<OpCase> ActivationSpeedCases(size_t tokens) {
  std::vector<OpCase> cases;
  for (const ActFunction kind :
       {ActFunction::kSilu, ActFunction::kGelu, ActFunction::kGeluTanh, ActFunction::kReluSquared, ActFunction::kXielu}) {
    cases.push_back(CaseOf(Act{DType::kBF16, kind, true, true, tokens, 1, 4096, Lay::kTight}));
  }
  cases.push_back(CaseOf(Clamped{DType::kBF16, tokens, 2880}, "ClampedGlu", {Normals(2 * tokens * 2880, "x")}));
  cases.push_back(
      CaseOf(Scaled{DType::kBF16, tokens * 4096, 2}, "ScaleAdd", {Normals(tokens * 4096, "x"), Normals(tokens * 4096, "z")}));
  return cases;
}

}  // namespace hlm::ops_test
