// Numbers that are factors of more than one element: gates of heads, experts' own factors of their weights.
#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"
#include "tests/ops/documents.h"

namespace hlm::ops_test {
namespace {

struct HeadGates {
  DType type;
  size_t tokens, heads, width;
  bool in_place;

  std::string name() const {
    return StrCat("GateHeads_", Name(type), in_place ? "_inplace" : "", "_", tokens, "x", heads, "x", width);
  }
  // inputs: x, gates.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(in[0].size());
    for (size_t i = 0; i < y.size(); ++i) y[i] = in[0][i] / (1 + std::exp(-in[1][i / width]));
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const auto t = static_cast<int64_t>(tokens), h = static_cast<int64_t>(heads), w = static_cast<int64_t>(width);
    DeviceArray &x = rig.Put(type, in[0]), &gate = rig.Put(type, in[1]);
    DeviceArray& y = in_place ? rig.Put(type, in[0]) : rig.New(type, in[0].size());
    rig.Run(&Ops::GateHeads, {type, t, h, w, in_place ? y.data() : x.data(), gate.data(), y.data()});
    Results results;
    results.y = &y;
    if (dy == nullptr) return results;
    DeviceArray& d = rig.Put(type, *dy);
    DeviceArray &dx = in_place ? d : rig.New(type, in[0].size()), &dgate = in_place ? gate : rig.New(type, in[1].size());
    rig.Run(&Ops::GateHeadsBackward, {type, t, h, w, x.data(), gate.data(), d.data(), dx.data(), dgate.data()});
    results.gradients = {&dx, &dgate};
    return results;
  }
};

struct ChoiceFactors {
  DType type;
  size_t tokens, experts, chosen;
  bool in_place;

  std::string name() const {
    return StrCat("ScaleChoices_", Name(type), in_place ? "_inplace" : "", "_", tokens, "x", chosen, "of", experts);
  }
  std::vector<int32_t> Choice() const {
    std::vector<int32_t> choice;
    for (size_t i = 0; i < tokens * chosen; ++i)
      choice.push_back(static_cast<int32_t>((i / chosen * 3 + i % chosen) % (experts - 1)));
    return choice;  // the last expert is never chosen
  }
  // inputs: weights, factors.
  Doubles Exact(const std::vector<Doubles>& in) const {
    const std::vector<int32_t> choice = Choice();
    Doubles y(in[0].size());
    for (size_t i = 0; i < y.size(); ++i) y[i] = in[0][i] * in[1][static_cast<size_t>(choice[i])];
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const auto t = static_cast<int64_t>(tokens), n = static_cast<int64_t>(experts), k = static_cast<int64_t>(chosen);
    const int32_t* choice = rig.PutInts(Choice());
    const DeviceArray &x = rig.Put(DType::kF32, in[0]), &scales = rig.Put(type, in[1]);
    DeviceArray& y = in_place ? rig.Put(DType::kF32, in[0]) : rig.New(DType::kF32, in[0].size());
    rig.Run(&Ops::ScaleChoices, {type, t, n, k, choice, scales.data(), in_place ? y.floats() : x.floats(), y.floats()});
    Results results;
    results.y = &y;
    if (dy == nullptr) return results;
    DeviceArray &d = rig.Put(DType::kF32, *dy), &ds = rig.New(DType::kF32, experts), &apart = rig.New(DType::kF32, in[0].size());
    DeviceArray& dx = in_place ? d : apart;
    const auto backward = [&](DeviceArray& to, bool accumulate) {
      rig.Run(&Ops::ScaleChoicesBackward,
              {type, t, n, k, choice, scales.data(), x.floats(), d.floats(), to.floats(), ds.floats(), accumulate});
    };
    backward(apart, false);
    backward(dx, true);  // added to the first
    Doubles sums = ds.Get();
    for (double& s : sums) s /= 2;
    results.gradients = {&dx, &rig.Put(DType::kF32, sums)};
    return results;
  }
};

template <class Op>
OpCase CaseOf(const Op& op, std::vector<Doubles> inputs) {
  OpCase c = MakeCase(op, std::move(inputs));
  c.may_be_refused = true;
  return c;
}

}  // namespace

std::vector<OpCase> FactorCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const bool in_place : {false, true}) {
      for (const HeadGates& g :
           std::initializer_list<HeadGates>{{type, 5, 3, 8, in_place}, {type, 2, 1, 7, in_place}, {type, 40, 4, 64, in_place}}) {
        cases.push_back(CaseOf(g, {Normals(g.tokens * g.heads * g.width, "x"), Normals(g.tokens * g.heads, "gate", 2)}));
      }
      for (const ChoiceFactors& f : std::initializer_list<ChoiceFactors>{
               {type, 9, 5, 2, in_place}, {type, 1, 3, 1, in_place}, {type, 70, 17, 4, in_place}}) {
        cases.push_back(CaseOf(f, {Normals(f.tokens * f.chosen, "weights"), Normals(f.experts, "scales")}));
      }
    }
  }
  return cases;
}

}  // namespace hlm::ops_test
