#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"
#include "tests/ops/lines.h"

namespace hlm::ops_test {
namespace {

struct Conv {
  DType type;
  std::vector<size_t> documents;  // their lengths
  size_t channels, taps;
  bool silu, bias, gates;
  Lay lay;

  size_t tokens() const {
    size_t sum = 0;
    for (const size_t length : documents) sum += length;
    return sum;
  }
  std::vector<int32_t> Positions() const {
    std::vector<int32_t> at;
    for (const size_t length : documents) {
      for (size_t i = 0; i < length; ++i) at.push_back(static_cast<int32_t>(i));
    }
    return at;
  }
  std::string name() const {
    return StrCat("CausalConv_", Name(type), silu ? "_silu" : "", bias ? "_bias" : "", gates ? "_gates" : "", "_",
                  ops_test::Name(lay), "_", documents.size(), "x", tokens(), "x", channels, "_", taps);
  }

  // inputs: x, before, after, w, bias.
  Doubles Exact(const std::vector<Doubles>& in) const {
    const std::vector<int32_t> position = Positions();
    Doubles y(tokens() * channels);
    for (size_t t = 0; t < tokens(); ++t) {
      for (size_t c = 0; c < channels; ++c) {
        double z = bias ? in[4][c] : 0;
        for (size_t back = 0; back < taps && back <= static_cast<size_t>(position[t]); ++back) {
          const size_t from = (t - back) * channels + c;
          z += in[3][c * taps + taps - 1 - back] * in[0][from] * (gates ? in[1][from] : 1);
        }
        if (silu) z /= 1 + std::exp(-z);
        y[t * channels + c] = z * (gates ? in[2][t * channels + c] : 1);
      }
    }
    return y;
  }

  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed placed(tokens(), 1, channels, lay);
    const auto put = [&](const Doubles& values) -> DeviceArray& { return rig.Put(type, placed.Spread(values)); };
    const auto blank = [&]() -> DeviceArray& { return put(Doubles(in[0].size())); };
    DeviceArray &x = put(in[0]), &before = put(in[1]), &after = put(in[2]), &y = blank();
    CausalConvArgs args{.type = type,
                        .tokens = static_cast<int64_t>(tokens()),
                        .channels = static_cast<int64_t>(channels),
                        .taps = static_cast<int64_t>(taps),
                        .silu = silu,
                        .positions = rig.PutInts(Positions()),
                        .x = placed.Read(x),
                        .before = gates ? placed.Read(before) : View{},
                        .after = gates ? placed.Read(after) : View{},
                        .w = rig.Put(type, in[3]).data(),
                        .bias = bias ? rig.Put(type, in[4]).data() : nullptr,
                        .y = placed.Write(y)};
    rig.Run(&Ops::CausalConv, args);
    Results results;
    results.y = placed.Dense(rig, y);
    if (dy == nullptr) return results;
    DeviceArray &dx = blank(), &dbefore = blank(), &dafter = blank();
    // Added to ones.
    DeviceArray &dw = rig.Put(DType::kF32, Doubles(in[3].size(), 1)), &dbias = rig.Put(DType::kF32, Doubles(channels, 1));
    CausalConvBackwardArgs back{.type = type,
                                .tokens = args.tokens,
                                .channels = args.channels,
                                .taps = args.taps,
                                .silu = silu,
                                .positions = args.positions,
                                .x = args.x,
                                .before = args.before,
                                .after = args.after,
                                .w = args.w,
                                .bias = args.bias,
                                .dy = placed.Read(put(*dy)),
                                .dx = placed.Write(dx),
                                .dbefore = gates ? placed.Write(dbefore) : MutableView{},
                                .dafter = gates ? placed.Write(dafter) : MutableView{},
                                .dw = dw.floats(),
                                .dbias = bias ? dbias.floats() : nullptr,
                                .accumulate = true};
    rig.Run(&Ops::CausalConvBackward, back);
    const auto less = [&](const DeviceArray& sums) {
      Doubles values = sums.Get();
      for (double& value : values) value -= 1;
      return &rig.Put(DType::kF32, values);
    };
    results.gradients = {placed.Dense(rig, dx), gates ? placed.Dense(rig, dbefore) : nullptr,
                         gates ? placed.Dense(rig, dafter) : nullptr, less(dw), bias ? less(dbias) : nullptr};
    return results;
  }
};

OpCase CaseOf(const Conv& conv) {
  OpCase c;
  c.name = conv.name();
  c.type = conv.type;
  const size_t n = conv.tokens() * conv.channels;
  c.inputs = {Normals(n, "x"), Normals(n, "before"), Normals(n, "after"), Normals(conv.channels * conv.taps, "w"),
              Normals(conv.channels, "bias")};
  c.exact = [conv](const std::vector<Doubles>& in) { return conv.Exact(in); };
  c.run = [conv](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return conv.Run(rig, in, dy); };
  return c;
}

}  // namespace

std::vector<OpCase> ConvCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const bool silu : {false, true}) {
      cases.push_back(CaseOf(Conv{type, {7, 1, 2, 9}, 16, 4, silu, true, false, Lay::kTight}));
      cases.push_back(CaseOf(Conv{type, {5, 3}, 13, 3, silu, false, true, Lay::kWide}));
      cases.push_back(CaseOf(Conv{type, {3, 4}, 24, 5, silu, true, true, Lay::kWide}));
    }
    // Several sections; documents end before, at and behind their borders.
    cases.push_back(CaseOf(Conv{type, {62, 2, 63, 40}, 3, 4, true, true, false, Lay::kTight}));
    cases.push_back(CaseOf(Conv{type, {2, 128}, 2, 2, false, false, true, Lay::kWide}));
    // More channels than a unit's, one tap, and more taps than tokens.
    cases.push_back(CaseOf(Conv{type, {2, 1}, 72, 1, true, false, false, Lay::kTight}));
    cases.push_back(CaseOf(Conv{type, {6, 3}, 4, 32, false, true, false, Lay::kTight}));
  }
  return cases;
}

std::vector<OpCase> ConvSpeedCases(size_t tokens) {
  return {CaseOf(Conv{DType::kBF16, {tokens}, 8192, 4, true, false, false, Lay::kTight}),
          CaseOf(Conv{DType::kBF16, {tokens}, 2048, 3, false, false, true, Lay::kTight})};
}

}  // namespace hlm::ops_test
