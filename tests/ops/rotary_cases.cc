#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"
#include "tests/ops/lines.h"

namespace hlm::ops_test {
namespace {

constexpr size_t kTableRows = 9;

struct Rotary {
  DType type;
  size_t tokens, heads, dim, turned;
  bool interleaved, scaled, in_place;
  Lay lay;

  std::string name() const {
    return StrCat("Rotary_", Name(type), interleaved ? "_interleaved" : "_halves", scaled ? "_scaled" : "",
                  in_place ? "_inplace" : "", "_", ops_test::Name(lay), "_", tokens, "x", heads, "x", dim, "_", turned);
  }
  int32_t Position(size_t token) const { return static_cast<int32_t>((token * 5 + 1) % kTableRows); }
  double Angle(size_t position, size_t i) const { return static_cast<double>(position) * (0.3 + static_cast<double>(i)); }
  double Scale(size_t position) const { return scaled ? 1 + 0.1 * static_cast<double>(position) : 1; }

  // By the definition: a matrix of plane rotations times each head.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y = in[0];
    for (size_t t = 0; t < tokens; ++t) {
      const auto position = static_cast<size_t>(Position(t));
      for (size_t h = 0; h < heads; ++h) {
        double* head = &y[(t * heads + h) * dim];
        for (size_t i = 0; i < turned / 2; ++i) {
          double& a = head[interleaved ? 2 * i : i];
          double& b = head[interleaved ? 2 * i + 1 : i + turned / 2];
          const double c = std::cos(Angle(position, i)), s = std::sin(Angle(position, i)), x = a;
          a = x * c - b * s;
          b = b * c + x * s;
        }
        for (size_t i = 0; i < dim; ++i) head[i] *= Scale(position);
      }
    }
    return y;
  }

  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed placed(tokens, heads, dim, lay);
    Doubles angles, factors;
    std::vector<int32_t> at;
    for (size_t p = 0; p < kTableRows; ++p) {
      for (size_t i = 0; i < turned / 2; ++i) angles.push_back(std::cos(Angle(p, i)));
      for (size_t i = 0; i < turned / 2; ++i) angles.push_back(std::sin(Angle(p, i)));
      factors.push_back(Scale(p));
    }
    for (size_t t = 0; t < tokens; ++t) at.push_back(Position(t));
    const float* table = turned > 0 ? rig.Put(DType::kF32, angles).floats() : nullptr;
    const float* scales = scaled ? rig.Put(DType::kF32, factors).floats() : nullptr;
    const int32_t* positions = rig.PutInts(at);
    const auto turn = [&](const Doubles& values, bool back) {
      DeviceArray& x = rig.Put(type, placed.Spread(values));
      DeviceArray& y = in_place ? x : rig.Put(type, placed.Spread(Doubles(values.size())));
      rig.Run(&Ops::Rotary, {.type = type,
                             .tokens = static_cast<int64_t>(tokens),
                             .heads = static_cast<int64_t>(heads),
                             .head_dim = static_cast<int64_t>(dim),
                             .rotary_dim = static_cast<int64_t>(turned),
                             .interleaved = interleaved,
                             .back = back,
                             .x = placed.Read(x),
                             .y = placed.Write(y),
                             .positions = positions,
                             .table = table,
                             .scales = scales});
      return placed.Dense(rig, y);
    };
    Results results;
    results.y = turn(in[0], false);
    if (dy != nullptr) results.gradients = {turn(*dy, true)};
    return results;
  }
};

// One vector for all heads: copied to them by a rotation of nothing, and its gradient summed over them.
struct SharedHead {
  DType type;
  size_t tokens, heads, width;

  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y;
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t h = 0; h < heads; ++h) y.insert(y.end(), &in[0][t * width], &in[0][t * width] + width);
    }
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const auto w = static_cast<int64_t>(width), n = static_cast<int64_t>(tokens), count = static_cast<int64_t>(heads);
    DeviceArray &x = rig.Put(type, in[0]), &y = rig.New(type, tokens * heads * width);
    rig.Run(&Ops::Rotary, {.type = type,
                           .tokens = n,
                           .heads = count,
                           .head_dim = w,
                           .x = {x.data(), w, 0},
                           .y = {y.data()},
                           .positions = rig.PutInts(std::vector<int32_t>(tokens, 0))});
    Results results;
    results.y = &y;
    if (dy == nullptr) return results;
    DeviceArray &d = rig.Put(type, *dy), &dx = rig.New(type, tokens * width);
    rig.Run(&Ops::SumHeads, {.type = type, .tokens = n, .heads = count, .width = w, .x = {d.data()}, .y = {dx.data()}});
    results.gradients = {&dx};
    return results;
  }
};

template <class Op>
OpCase CaseOf(const Op& op, const std::string& name, size_t n) {
  OpCase c;
  c.name = name;
  c.type = op.type;
  c.inputs = {Normals(n, "x")};
  c.exact = [op](const std::vector<Doubles>& in) { return op.Exact(in); };
  c.run = [op](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return op.Run(rig, in, dy); };
  return c;
}

}  // namespace

std::vector<OpCase> RotaryCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const bool interleaved : {false, true}) {
      for (const bool in_place : {false, true}) {
        for (const Lay lay : {Lay::kTight, Lay::kApart}) {
          for (const auto& [dim, turned] : {std::pair<size_t, size_t>{16, 16}, {24, 6}, {10, 4}, {8, 0}}) {
            const bool scaled = turned == 0 || (turned == 6 && interleaved);
            const Rotary rotary{type, 5, 3, dim, turned, interleaved, scaled, in_place, lay};
            cases.push_back(CaseOf(rotary, rotary.name(), rotary.tokens * rotary.heads * dim));
          }
        }
      }
    }
    const SharedHead shared{type, 5, 4, 12};
    cases.push_back(CaseOf(shared, StrCat("SharedHead_", Name(type)), shared.tokens * shared.width));
  }
  return cases;
}

std::vector<OpCase> RotarySpeedCases(size_t tokens) {
  std::vector<OpCase> cases;
  for (const bool interleaved : {false, true}) {
    for (const size_t turned : {128, 32}) {
      const Rotary rotary{DType::kBF16, tokens, 16, 128, turned, interleaved, false, true, Lay::kWide};
      cases.push_back(CaseOf(rotary, rotary.name(), tokens * 16 * 128));
    }
  }
  return cases;
}

}  // namespace hlm::ops_test
