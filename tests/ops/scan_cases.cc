// Recurrences of single channels and products by block of channels, beside their definitions in double.
#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"
#include "tests/ops/documents.h"
#include "tests/ops/lines.h"

namespace hlm::ops_test {
namespace {

double SoftplusOf(double x) { return std::log1p(std::exp(x)); }
double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Gradients that were added to ones.
DeviceArray* Less(Rig& rig, const DeviceArray& sums) {
  Doubles values = sums.Get();
  for (double& value : values) value -= 1;
  return &rig.Put(DType::kF32, values);
}

// Of larger cases the gradients are by formulas too: central differences of all inputs would take minutes.
constexpr size_t kMostDifferences = 700;  // tokens times channels
template <class Op>
auto GradientsOf(const Op& op) {
  return [op](const std::vector<Doubles>& in, const Doubles& dy) { return op.ExactGradients(in, dy); };
}

struct Selective {
  DType type;
  Lengths documents;
  size_t channels, state_dim;
  Lay lay;

  std::string name() const {
    return StrCat("SelectiveScan_", Name(type), "_", ops_test::Name(lay), "_", documents.name(), "_", channels, "of", state_dim);
  }
  size_t tokens() const { return documents.tokens(); }

  // inputs: x, dt, b, c, a_log, dt_bias, d.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(tokens() * channels), state(channels * state_dim);
    documents.ForTokens([&](size_t t, bool begins) {
      if (begins) std::fill(state.begin(), state.end(), 0.0);
      for (size_t c = 0; c < channels; ++c) {
        const size_t at = t * channels + c;
        const double step = SoftplusOf(in[1][at] + in[5][c]);
        y[at] = in[6][c] * in[0][at];
        for (size_t n = 0; n < state_dim; ++n) {
          double& s = state[c * state_dim + n];
          s = std::exp(-std::exp(in[4][c * state_dim + n]) * step) * s + step * in[2][t * state_dim + n] * in[0][at];
          y[at] += in[3][t * state_dim + n] * s;
        }
      }
    });
    return y;
  }

  std::vector<Doubles> ExactGradients(const std::vector<Doubles>& in, const Doubles& dy) const {
    std::vector<Doubles> g;
    for (const Doubles& input : in) g.emplace_back(input.size());
    const size_t states = channels * state_dim;
    Doubles before(tokens() * states), after(tokens() * states), dstate(states);  // of each token
    std::vector<bool> first;
    documents.ForTokens([&](size_t t, bool begins) {
      first.push_back(begins);
      for (size_t i = 0; i < states; ++i) {
        const size_t c = i / state_dim, at = t * channels + c;
        const double step = SoftplusOf(in[1][at] + in[5][c]);
        before[t * states + i] = begins ? 0 : after[(t - 1) * states + i];
        after[t * states + i] = std::exp(-std::exp(in[4][i]) * step) * before[t * states + i] +
                                step * in[2][t * state_dim + i % state_dim] * in[0][at];
      }
    });
    for (size_t t = tokens(); t-- > 0;) {
      for (size_t i = 0; i < states; ++i) {
        const size_t c = i / state_dim, at = t * channels + c, own = t * state_dim + i % state_dim;
        const double step = SoftplusOf(in[1][at] + in[5][c]), rate = std::exp(in[4][i]), x = in[0][at];
        const double ds = dstate[i] + dy[at] * in[3][own], fading = -rate * std::exp(-rate * step) * before[t * states + i] * ds;
        const double slope = Sigmoid(in[1][at] + in[5][c]), ddt = (ds * in[2][own] * x + fading) * slope;
        g[0][at] += ds * step * in[2][own];
        g[1][at] += ddt;
        g[2][own] += ds * step * x;
        g[3][own] += dy[at] * after[t * states + i];
        g[4][i] += fading * step;
        g[5][c] += ddt;
        dstate[i] = first[t] ? 0 : ds * std::exp(-rate * step);
      }
      for (size_t c = 0; c < channels; ++c) {
        g[0][t * channels + c] += in[6][c] * dy[t * channels + c];
        g[6][c] += in[0][t * channels + c] * dy[t * channels + c];
      }
    }
    return g;
  }

  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed rows(tokens(), 1, channels, lay), shared(tokens(), 1, state_dim, lay);
    DeviceArray &x = rig.Put(type, rows.Spread(in[0])), &dt = rig.Put(type, rows.Spread(in[1])),
                &b = rig.Put(type, shared.Spread(in[2]));
    DeviceArray &c = rig.Put(type, shared.Spread(in[3])), &a_log = rig.Put(type, in[4]), &bias = rig.Put(type, in[5]),
                &d = rig.Put(type, in[6]);
    DeviceArray& y = rig.Put(type, rows.Spread(Doubles(in[0].size())));
    std::vector<int32_t> offsets;
    const Documents docs = documents.On(rig, offsets);
    const auto t = static_cast<int64_t>(tokens()), n = static_cast<int64_t>(channels), sd = static_cast<int64_t>(state_dim);
    rig.Run(&Ops::SelectiveScan, {type, t, n, sd, docs, rows.Read(x), rows.Read(dt), shared.Read(b), shared.Read(c), a_log.data(),
                                  bias.data(), d.data(), rows.Write(y)});
    Results results;
    results.y = rows.Dense(rig, y);
    if (dy == nullptr) return results;
    DeviceArray &dout = rig.Put(type, rows.Spread(*dy)), &dx = rig.Put(type, rows.Spread(Doubles(in[0].size())));
    DeviceArray& ddt = rig.Put(type, rows.Spread(Doubles(in[1].size())));
    DeviceArray &db = rig.Put(type, shared.Spread(Doubles(in[2].size()))),
                &dc = rig.Put(type, shared.Spread(Doubles(in[3].size())));
    DeviceArray &da_log = rig.Put(DType::kF32, Doubles(in[4].size(), 1)), &dbias = rig.Put(DType::kF32, Doubles(channels, 1));
    DeviceArray& dd = rig.Put(DType::kF32, Doubles(channels, 1));
    rig.Run(&Ops::SelectiveScanBackward, {type,
                                          t,
                                          n,
                                          sd,
                                          docs,
                                          rows.Read(x),
                                          rows.Read(dt),
                                          shared.Read(b),
                                          shared.Read(c),
                                          a_log.data(),
                                          bias.data(),
                                          d.data(),
                                          rows.Read(dout),
                                          rows.Write(dx),
                                          rows.Write(ddt),
                                          shared.Write(db),
                                          shared.Write(dc),
                                          da_log.floats(),
                                          dbias.floats(),
                                          dd.floats(),
                                          true});
    results.gradients = {rows.Dense(rig, dx), rows.Dense(rig, ddt), shared.Dense(rig, db), shared.Dense(rig, dc),
                         Less(rig, da_log),   Less(rig, dbias),     Less(rig, dd)};
    return results;
  }
};

OpCase CaseOf(const Selective& s) {
  const size_t lines = s.tokens() * s.channels, shared = s.tokens() * s.state_dim;
  OpCase c = MakeCase(
      s, {Normals(lines, "x"), Normals(lines, "dt"), Normals(shared, "b"), Normals(shared, "c"),
          Normals(s.channels * s.state_dim, "a_log", 0.7), Normals(s.channels, "dt_bias", 0.5), Normals(s.channels, "d")});
  if (lines > kMostDifferences) c.exact_gradients = GradientsOf(s);
  return c;
}

struct Recurrence {
  DType type;
  Lengths documents;
  size_t channels;
  Lay lay;

  std::string name() const {
    return StrCat("GatedRecurrence_", Name(type), "_", ops_test::Name(lay), "_", documents.name(), "_", channels);
  }
  size_t tokens() const { return documents.tokens(); }

  // inputs: x, input, decay, rate.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(tokens() * channels), state(channels);
    documents.ForTokens([&](size_t t, bool begins) {
      for (size_t c = 0; c < channels; ++c) {
        const size_t at = t * channels + c;
        const double log_decay = -8 * SoftplusOf(in[3][c]) * Sigmoid(in[2][at]), gated = Sigmoid(in[1][at]) * in[0][at];
        const double decay = std::exp(log_decay);
        state[c] = begins ? gated : decay * state[c] + std::sqrt(1 - decay * decay) * gated;
        y[at] = state[c];
      }
    });
    return y;
  }

  std::vector<Doubles> ExactGradients(const std::vector<Doubles>& in, const Doubles& dy) const {
    std::vector<Doubles> g;
    for (const Doubles& input : in) g.emplace_back(input.size());
    std::vector<bool> first;
    documents.ForTokens([&](size_t, bool begins) { first.push_back(begins); });
    const Doubles y = Exact(in);
    Doubles dstate(channels);
    for (size_t t = tokens(); t-- > 0;) {
      for (size_t c = 0; c < channels; ++c) {
        const size_t at = t * channels + c;
        const double open = Sigmoid(in[1][at]), gate = Sigmoid(in[2][at]), power = -8 * SoftplusOf(in[3][c]);
        const double decay = std::exp(power * gate), root = first[t] ? 1 : std::sqrt(1 - decay * decay), ds = dstate[c] + dy[at];
        // The root's slope by the decay's logarithm is -decay^2 / root.
        const double dlog = first[t] ? 0 : ds * (decay * y[at - channels] - decay * decay / root * open * in[0][at]);
        g[0][at] = ds * root * open;
        g[1][at] = ds * root * in[0][at] * open * (1 - open);
        g[2][at] = dlog * power * gate * (1 - gate);
        g[3][c] += dlog * -8 * gate * Sigmoid(in[3][c]);
        dstate[c] = first[t] ? 0 : ds * decay;
      }
    }
    return g;
  }

  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed rows(tokens(), 1, channels, lay);
    DeviceArray &x = rig.Put(type, rows.Spread(in[0])), &input = rig.Put(type, rows.Spread(in[1])),
                &decay = rig.Put(type, rows.Spread(in[2]));
    DeviceArray &rate = rig.Put(type, in[3]), &y = rig.Put(type, rows.Spread(Doubles(in[0].size())));
    std::vector<int32_t> offsets;
    const Documents docs = documents.On(rig, offsets);
    const auto t = static_cast<int64_t>(tokens()), n = static_cast<int64_t>(channels);
    rig.Run(&Ops::GatedRecurrence,
            {type, t, n, docs, rows.Read(x), rows.Read(input), rows.Read(decay), rate.data(), rows.Write(y)});
    Results results;
    results.y = rows.Dense(rig, y);
    if (dy == nullptr) return results;
    const Doubles nothing(in[0].size());
    DeviceArray &dout = rig.Put(type, rows.Spread(*dy)), &dx = rig.Put(type, rows.Spread(nothing)),
                &dinput = rig.Put(type, rows.Spread(nothing));
    DeviceArray &ddecay = rig.Put(type, rows.Spread(nothing)), &drate = rig.Put(DType::kF32, Doubles(channels, 1));
    rig.Run(&Ops::GatedRecurrenceBackward,
            {type, t, n, docs, rows.Read(x), rows.Read(input), rows.Read(decay), rate.data(), rows.Read(dout), rows.Write(dx),
             rows.Write(dinput), rows.Write(ddecay), drate.floats(), true});
    results.gradients = {rows.Dense(rig, dx), rows.Dense(rig, dinput), rows.Dense(rig, ddecay), Less(rig, drate)};
    return results;
  }
};

OpCase CaseOf(const Recurrence& r) {
  const size_t lines = r.tokens() * r.channels;
  OpCase c =
      MakeCase(r, {Normals(lines, "x"), Normals(lines, "input"), Normals(lines, "decay"), Normals(r.channels, "rate", 0.7)});
  for (double& rate : c.inputs[3]) rate -= 2;
  if (lines > kMostDifferences) c.exact_gradients = GradientsOf(r);
  c.may_be_refused = true;
  return c;
}

struct Blocks {
  DType type;
  size_t tokens, heads, width;
  Lay lay;

  std::string name() const {
    return StrCat("BlockLinear_", Name(type), "_", ops_test::Name(lay), "_", tokens, "x", heads, "x", width);
  }

  // inputs: x, w, bias. Both passes at once: y, and beside it what is added to the gradient of x.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y;
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t h = 0; h < heads; ++h) {
        for (size_t j = 0; j < width; ++j) {
          double sum = in[2][h * width + j];
          for (size_t i = 0; i < width; ++i) sum += in[0][(t * heads + h) * width + i] * in[1][(h * width + i) * width + j];
          y.push_back(sum);
        }
      }
    }
    return y;
  }

  std::vector<Doubles> ExactGradients(const std::vector<Doubles>& in, const Doubles& dy) const {
    std::vector<Doubles> gradients{Doubles(in[0].size()), Doubles(in[1].size()), Doubles(in[2].size())};
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t h = 0; h < heads; ++h) {
        for (size_t i = 0; i < width; ++i) {
          for (size_t j = 0; j < width; ++j) {
            const size_t x = (t * heads + h) * width + i, y = (t * heads + h) * width + j, w = (h * width + i) * width + j;
            gradients[0][x] += dy[y] * in[1][w];
            gradients[1][w] += dy[y] * in[0][x];
          }
          gradients[2][h * width + i] += dy[(t * heads + h) * width + i];
        }
      }
    }
    return gradients;
  }

  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed rows(tokens, heads, width, lay);
    DeviceArray &x = rig.Put(type, rows.Spread(in[0])), &w = rig.Put(type, in[1]), &bias = rig.Put(type, in[2]);
    DeviceArray& y = rig.Put(type, rows.Spread(Doubles(in[0].size())));
    const auto t = static_cast<int64_t>(tokens), h = static_cast<int64_t>(heads), n = static_cast<int64_t>(width);
    rig.Run(&Ops::BlockLinear, {type, t, h, n, rows.Read(x), w.data(), bias.data(), rows.Write(y)});
    Results results;
    results.y = rows.Dense(rig, y);
    if (dy == nullptr) return results;
    // Added to what lies there: twos.
    DeviceArray &dout = rig.Put(type, rows.Spread(*dy)), &dx = rig.Put(type, rows.Spread(Doubles(in[0].size(), 2)));
    DeviceArray &dw = rig.Put(DType::kF32, Doubles(in[1].size(), 1)), &dbias = rig.Put(DType::kF32, Doubles(in[2].size(), 1));
    rig.Run(&Ops::BlockLinearBackward, {type, t, h, n, rows.Read(x), rows.Read(dout), w.data(), rows.Read(dx), rows.Write(dx),
                                        dw.floats(), dbias.floats(), true});
    Doubles added = rows.Dense(rig, dx)->Get();
    for (double& value : added) value -= 2;
    results.gradients = {&rig.Put(DType::kF32, added), Less(rig, dw), Less(rig, dbias)};
    return results;
  }
};

OpCase CaseOf(const Blocks& b) {
  OpCase c = MakeCase(b, {Normals(b.tokens * b.heads * b.width, "x"), Normals(b.heads * b.width * b.width, "w", 0.4),
                          Normals(b.heads * b.width, "bias")});
  if (b.tokens * b.width > kMostDifferences) c.exact_gradients = GradientsOf(b);
  return c;
}

}  // namespace

std::vector<OpCase> ScanCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    cases.push_back(CaseOf(Selective{type, {{5, 1, 9}}, 6, 4, Lay::kWide}));
    cases.push_back(CaseOf(Selective{type, {{30, 2}}, 3, 16, Lay::kTight}));
    cases.push_back(CaseOf(Recurrence{type, {{5, 1, 9}}, 6, Lay::kWide}));
    cases.push_back(CaseOf(Recurrence{type, {{40, 2}}, 3, Lay::kTight}));
    cases.push_back(CaseOf(Blocks{type, 7, 3, 5, Lay::kApart}));
  }
  // More channels than a block or the number of groups; several runs of tokens; several segments, and states that threads share.
  cases.push_back(CaseOf(Selective{DType::kF32, {{3, 2}}, 70, 2, Lay::kTight}));
  cases.push_back(CaseOf(Selective{DType::kF32, {{3, 70, 33}}, 5, 8, Lay::kWide}));
  cases.push_back(CaseOf(Selective{DType::kF32, {{6, 2}}, 9, 21, Lay::kTight}));
  cases.push_back(CaseOf(Selective{DType::kBF16, {{1, 2}}, 270, 1, Lay::kTight}));
  cases.push_back(CaseOf(Recurrence{DType::kF32, {{3, 2}}, 260, Lay::kTight}));
  cases.push_back(CaseOf(Recurrence{DType::kF32, {{70, 33}}, 3, Lay::kWide}));
  cases.push_back(CaseOf(Blocks{DType::kF32, 70, 2, 3, Lay::kApart}));
  cases.push_back(CaseOf(Blocks{DType::kF32, 3, 1, 66, Lay::kApart}));
  cases.push_back(CaseOf(Blocks{DType::kF32, 260, 1, 2, Lay::kTight}));
  // Documents around the size of a tile of tokens, channels beside a block's; a section of several documents; longer states.
  cases.push_back(CaseOf(Selective{DType::kBF16, {{7, 8, 9, 17}}, 130, 16, Lay::kWide}));
  cases.push_back(CaseOf(Selective{DType::kF32, {{16, 1, 25}}, 127, 5, Lay::kTight}));
  cases.push_back(CaseOf(Selective{DType::kF32, {{9, 20}}, 50, 17, Lay::kWide}));
  cases.push_back(CaseOf(Selective{DType::kBF16, {{8, 15}}, 33, 40, Lay::kTight}));
  cases.push_back(CaseOf(Selective{DType::kF32, {{9, 10}}, 45, 130, Lay::kTight}));
  cases.push_back(CaseOf(Selective{DType::kF32, {{1, 2, 1}}, 1370, 129, Lay::kTight}));
  cases.push_back(CaseOf(Recurrence{DType::kBF16, {{15, 16, 17, 1, 33}}, 65, Lay::kWide}));
  cases.push_back(CaseOf(Recurrence{DType::kF32, {{32, 1, 8, 7}}, 63, Lay::kTight}));
  cases.push_back(CaseOf(Recurrence{DType::kF32, {{2, 1, 1}}, 33000, Lay::kTight}));
  // Tiles of tensor cores: one and a part of it each way, sections of tokens, vectors and rows that lie for none.
  cases.push_back(CaseOf(Blocks{DType::kBF16, 130, 2, 136, Lay::kApart}));
  cases.push_back(CaseOf(Blocks{DType::kBF16, 33, 1, 40, Lay::kTight}));
  cases.push_back(CaseOf(Blocks{DType::kBF16, 31, 2, 35, Lay::kTight}));
  cases.push_back(CaseOf(Blocks{DType::kBF16, 600, 2, 24, Lay::kWide}));
  return cases;
}

std::vector<OpCase> ScanSpeedCases(size_t tokens) {
  return {CaseOf(Selective{DType::kBF16, {{tokens}}, 8192, 16, Lay::kTight}),
          CaseOf(Recurrence{DType::kBF16, {{tokens}}, 2560, Lay::kTight}),
          CaseOf(Blocks{DType::kBF16, tokens, 10, 256, Lay::kTight})};
}

}  // namespace hlm::ops_test
