// Operations of some rows alone, as a group of experts asks for them: the borders lie on the device, other rows stay as they are.
#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"

namespace hlm::ops_test {
namespace {

enum class Gate { kSwiGlu, kClamped, kRelu };

struct Part {
  DType type;
  Gate gate;
  size_t rows, width;

  bool gated() const { return gate != Gate::kRelu; }
  size_t columns() const { return gated() ? 2 * width : width; }
  size_t border() const { return rows / 3; }
  std::string name() const {
    static const char* const kNames[] = {"SwiGlu", "ClampedGlu", "Activate"};
    return StrCat("Part_", Name(type), "_", kNames[static_cast<int>(gate)], "_", rows, "x", width);
  }
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(rows * width);
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t row = i / width, c = i % width;
      if (gate == Gate::kRelu) {
        y[i] = std::max(in[0][i], 0.0);
        continue;
      }
      const bool clamped = gate == Gate::kClamped;
      const double* x = in[0].data() + row * 2 * width;
      const double g = clamped ? std::min(x[2 * c], 1.5) : x[c], u = clamped ? std::clamp(x[2 * c + 1], -1.5, 1.5) : x[width + c];
      const double alpha = clamped ? static_cast<double>(1.702f) : 1;
      y[i] = (u + (clamped ? 1 : 0)) * g / (1 + std::exp(-alpha * g));
    }
    return y;
  }
  void Forward(Rig& rig, const DeviceArray& x, const DeviceArray& y, const RowRange& range) const {
    const auto r = static_cast<int64_t>(rows), w = static_cast<int64_t>(width);
    if (gate == Gate::kSwiGlu) rig.Run(&Ops::SwiGlu, {type, r, w, x.data(), y.data(), range});
    if (gate == Gate::kClamped) rig.Run(&Ops::ClampedGlu, {type, r, w, 1.702f, 1.5f, x.data(), y.data(), range});
    if (gate == Gate::kRelu)
      rig.Run(&Ops::Activate, {type, ActFunction::kRelu, r, 1, w, {x.data()}, {}, {y.data()}, {}, 0, 1, range});
  }
  void Backward(Rig& rig, const DeviceArray& x, const DeviceArray& dy, const DeviceArray& dx, const RowRange& range) const {
    const auto r = static_cast<int64_t>(rows), w = static_cast<int64_t>(width);
    if (gate == Gate::kSwiGlu) rig.Run(&Ops::SwiGluBackward, {type, r, w, x.data(), dy.data(), dx.data(), range});
    if (gate == Gate::kClamped)
      rig.Run(&Ops::ClampedGluBackward, {type, r, w, 1.702f, 1.5f, x.data(), dy.data(), dx.data(), range});
    if (gate == Gate::kRelu) {
      rig.Run(&Ops::ActivateBackward, {type,
                                       ActFunction::kRelu,
                                       r,
                                       1,
                                       w,
                                       {x.data()},
                                       {},
                                       {dy.data()},
                                       {dx.data()},
                                       {},
                                       {},
                                       nullptr,
                                       nullptr,
                                       false,
                                       0,
                                       1,
                                       range});
    }
  }
  // Rows from the border on are still the NaNs of a new array.
  void ExpectOthersUntouched(const DeviceArray& array, size_t width_of_row) const {
    const Doubles values = array.Get();
    for (size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i]) != (i >= border() * width_of_row)) throw Internal(name(), ": element ", i, " is ", values[i]);
    }
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    // The first of two ranges has an expert without rows.
    const int32_t* offsets = rig.PutInts({0, 0, static_cast<int32_t>(border()), static_cast<int32_t>(rows)});
    const RowRange first{offsets, 0, 2}, second{offsets, 2, 3};
    DeviceArray &x = rig.Put(type, in[0]), &y = rig.New(type, rows * width);
    Forward(rig, x, y, first);
    ExpectOthersUntouched(y, width);
    Forward(rig, x, y, second);
    Results results;
    results.y = &y;
    if (dy == nullptr) return results;
    DeviceArray &d = rig.Put(type, *dy), &dx = rig.New(type, in[0].size());
    Backward(rig, x, d, dx, first);
    ExpectOthersUntouched(dx, columns());
    Backward(rig, x, d, dx, second);
    results.gradients = {&dx};
    return results;
  }
};

}  // namespace

std::vector<OpCase> PartCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const Gate gate : {Gate::kSwiGlu, Gate::kClamped, Gate::kRelu}) {
      for (const size_t rows : {11, 200}) {
        const Part part{type, gate, rows, 24};
        OpCase c;
        c.name = part.name();
        c.type = type;
        Doubles x = Normals(rows * part.columns(), "x");
        for (double& value : x) {  // away from corners, over which no difference may reach
          value += value < 0 ? -0.01 : 0.01;
          if (std::abs(std::abs(value) - 1.5) < 0.02) value *= 1.05;
        }
        c.inputs = {x};
        c.exact = [part](const std::vector<Doubles>& in) { return part.Exact(in); };
        c.run = [part](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return part.Run(rig, in, dy); };
        cases.push_back(c);
      }
    }
  }
  return cases;
}

}  // namespace hlm::ops_test
