// Gates, the delta rule and state spaces, beside their definitions: a state that goes from token to token, in double.
#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"
#include "tests/ops/documents.h"
#include "tests/ops/lines.h"

namespace hlm::ops_test {
namespace {

constexpr double kEpsilon = 1e-3;  // large enough that it counts

Doubles Decays(size_t n, double scale) {
  Doubles g = Normals(n, "g", scale);
  for (double& value : g) value = -std::abs(value) - 1e-3;  // a step of the differences must not leave what is legal
  return g;
}

struct Gates {
  DType type;
  size_t tokens, heads, width;
  bool step, beta;
  double least, most;
  Lay lay;

  std::string name() const {
    return StrCat("DecayGates_", Name(type), step ? "_step" : "", beta ? "_beta" : "", most < 100 ? "_limits" : "", "_",
                  ops_test::Name(lay), "_", tokens, "x", heads, "x", width);
  }
  size_t all() const { return tokens * heads * width; }

  // inputs: a, b, a_log, dt_bias. y: g, then step, then beta.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles g, steps, betas;
    for (size_t i = 0; i < all(); ++i) {
      const size_t h = i / width % heads;
      const double raw = std::log1p(std::exp(in[0][i] + in[3][i % (heads * width)]));
      const double s = std::min(std::max(raw, least), most);
      g.push_back(-std::exp(in[2][h]) * s);
      if (step) steps.push_back(s);
    }
    for (size_t i = 0; beta && i < tokens * heads; ++i) betas.push_back(2 / (1 + std::exp(-in[1][i])));
    g.insert(g.end(), steps.begin(), steps.end());
    g.insert(g.end(), betas.begin(), betas.end());
    return g;
  }

  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed wide(tokens, heads, width, lay), narrow(tokens, heads, 1, lay);
    DeviceArray &a = rig.Put(type, wide.Spread(in[0])), &b = rig.Put(type, narrow.Spread(in[1]));
    DeviceArray &g = rig.New(DType::kF32, all()), &steps = rig.New(DType::kF32, all()),
                &betas = rig.New(DType::kF32, tokens * heads);
    const auto t = static_cast<int64_t>(tokens), h = static_cast<int64_t>(heads), w = static_cast<int64_t>(width);
    const void *a_log = rig.Put(type, in[2]).data(), *dt_bias = rig.Put(type, in[3]).data();
    const View b_view = beta ? narrow.Read(b) : View{};
    const auto low = static_cast<float>(least), high = static_cast<float>(most);
    rig.Run(&Ops::DecayGates, {type, t, h, w, low, high, 2, wide.Read(a), b_view, a_log, dt_bias, g.floats(),
                               step ? steps.floats() : nullptr, beta ? betas.floats() : nullptr});
    Results results;
    Doubles y = g.Get();
    for (const DeviceArray* more : {step ? &steps : nullptr, beta ? &betas : nullptr}) {
      if (more == nullptr) continue;
      const Doubles values = more->Get();
      y.insert(y.end(), values.begin(), values.end());
    }
    results.y = &rig.Put(DType::kF32, y);
    if (dy == nullptr) return results;
    const auto part = [&](size_t from, size_t n) -> const float* {
      return rig.Put(DType::kF32, Doubles(dy->begin() + static_cast<int64_t>(from), dy->begin() + static_cast<int64_t>(from + n)))
          .floats();
    };
    DeviceArray &da = rig.Put(type, wide.Spread(Doubles(all()))), &db = rig.Put(type, narrow.Spread(Doubles(tokens * heads)));
    DeviceArray &da_log = rig.Put(DType::kF32, Doubles(heads, 1)), &ddt = rig.Put(DType::kF32, Doubles(heads * width, 1));
    rig.Run(&Ops::DecayGatesBackward,
            {type, t, h, w, low, high, 2, wide.Read(a), b_view, a_log, dt_bias, part(0, all()),
             step ? part(all(), all()) : nullptr, beta ? part(dy->size() - tokens * heads, tokens * heads) : nullptr,
             wide.Write(da), beta ? narrow.Write(db) : MutableView{}, da_log.floats(), ddt.floats(), true});
    const auto less = [&](const DeviceArray& sums) {
      Doubles values = sums.Get();
      for (double& value : values) value -= 1;
      return &rig.Put(DType::kF32, values);
    };
    results.gradients = {wide.Dense(rig, da), beta ? narrow.Dense(rig, db) : nullptr, less(da_log), less(ddt)};
    return results;
  }
};

struct Delta {
  DType type;
  Lengths documents;
  size_t heads, key_heads, key_dim, value_dim;
  bool by_channel;
  Lay lay;

  std::string name() const {
    return StrCat("DeltaRule_", Name(type), by_channel ? "_channels" : "", "_", ops_test::Name(lay), "_", documents.name(), "_",
                  heads, "of", value_dim, "_", key_heads, "of", key_dim);
  }
  size_t tokens() const { return documents.tokens(); }
  size_t gates() const { return by_channel ? key_dim : 1; }

  // inputs: q, k, v, g, beta.
  Doubles Exact(const std::vector<Doubles>& in) const {
    const double scale = static_cast<double>(0.4f), epsilon = static_cast<double>(static_cast<float>(kEpsilon));
    Doubles y(tokens() * heads * value_dim), state(heads * key_dim * value_dim), q(key_dim), k(key_dim);
    const auto unit = [&](const Doubles& from, size_t at, Doubles& to) {
      double sum = epsilon;
      for (size_t i = 0; i < key_dim; ++i) sum += from[at + i] * from[at + i];
      for (size_t i = 0; i < key_dim; ++i) to[i] = from[at + i] / std::sqrt(sum);
    };
    documents.ForTokens([&](size_t t, bool begins) {
      if (begins) std::fill(state.begin(), state.end(), 0.0);
      for (size_t h = 0; h < heads; ++h) {
        const size_t key_at = (t * key_heads + h / (heads / key_heads)) * key_dim;
        unit(in[0], key_at, q);
        unit(in[1], key_at, k);
        double* s = &state[h * key_dim * value_dim];
        for (size_t i = 0; i < key_dim; ++i) {
          const double decay = std::exp(in[3][(t * heads + h) * gates() + (by_channel ? i : 0)]);
          for (size_t j = 0; j < value_dim; ++j) s[i * value_dim + j] *= decay;
        }
        for (size_t j = 0; j < value_dim; ++j) {
          const size_t at = (t * heads + h) * value_dim + j;
          double memory = 0;
          for (size_t i = 0; i < key_dim; ++i) memory += s[i * value_dim + j] * k[i];
          const double change = in[4][t * heads + h] * (in[2][at] - memory);
          for (size_t i = 0; i < key_dim; ++i) {
            s[i * value_dim + j] += k[i] * change;
            y[at] += s[i * value_dim + j] * q[i] * scale;
          }
        }
      }
    });
    return y;
  }

  // Of y . dy, from the last token on, where central differences would take too long.
  std::vector<Doubles> Gradients(const std::vector<Doubles>& in, const Doubles& dy) const {
    const double scale = static_cast<double>(0.4f), epsilon = static_cast<double>(static_cast<float>(kEpsilon));
    const size_t all = key_dim * value_dim, group = heads / key_heads;
    std::vector<Doubles> d;
    for (const Doubles& input : in) d.emplace_back(input.size());
    const auto unit = [&](const Doubles& from, size_t at) {
      double sum = epsilon;
      Doubles to(from.begin() + static_cast<int64_t>(at), from.begin() + static_cast<int64_t>(at + key_dim));
      for (const double x : to) sum += x * x;
      for (double& x : to) x /= std::sqrt(sum);
      to.push_back(std::sqrt(sum));
      return to;
    };
    size_t begin = 0;
    for (const size_t length : documents.lengths) {
      const size_t end = begin + length;
      for (size_t h = 0; h < heads; ++h) {
        const auto key_at = [&](size_t t) { return (t * key_heads + h / group) * key_dim; };
        const auto decay = [&](size_t t, size_t i) { return std::exp(in[3][(t * heads + h) * gates() + (by_channel ? i : 0)]); };
        // States behind the decay and behind the token, and what is not yet in them of its value.
        std::vector<Doubles> decayed, states, news;
        Doubles state(all);
        for (size_t t = begin; t < end; ++t) {
          const Doubles k = unit(in[1], key_at(t));
          for (size_t i = 0; i < all; ++i) state[i] *= decay(t, i / value_dim);
          decayed.push_back(state);
          news.emplace_back(value_dim);
          for (size_t j = 0; j < value_dim; ++j) {
            double memory = 0;
            for (size_t i = 0; i < key_dim; ++i) memory += state[i * value_dim + j] * k[i];
            news.back()[j] = in[2][(t * heads + h) * value_dim + j] - memory;
            for (size_t i = 0; i < key_dim; ++i) state[i * value_dim + j] += k[i] * in[4][t * heads + h] * news.back()[j];
          }
          states.push_back(state);
        }
        Doubles dstate(all);
        for (size_t t = end; t-- > begin;) {
          const Doubles q = unit(in[0], key_at(t)), k = unit(in[1], key_at(t));
          const Doubles &after = states[t - begin], &before = decayed[t - begin], &fresh = news[t - begin];
          const double beta = in[4][t * heads + h];
          Doubles dq(key_dim), dk(key_dim);
          for (size_t j = 0; j < value_dim; ++j) {
            const size_t at = (t * heads + h) * value_dim + j;
            double change = 0;
            for (size_t i = 0; i < key_dim; ++i) {
              dstate[i * value_dim + j] += q[i] * scale * dy[at];
              dq[i] += scale * after[i * value_dim + j] * dy[at];
              dk[i] += dstate[i * value_dim + j] * beta * fresh[j];
              change += dstate[i * value_dim + j] * k[i];
            }
            d[2][at] = beta * change;
            d[4][t * heads + h] += change * fresh[j];
            for (size_t i = 0; i < key_dim; ++i) {
              dk[i] -= before[i * value_dim + j] * beta * change;
              double& own = dstate[i * value_dim + j];
              own -= k[i] * beta * change;
              d[3][(t * heads + h) * gates() + (by_channel ? i : 0)] += own * before[i * value_dim + j];
              own *= decay(t, i);
            }
          }
          const auto give = [&](const Doubles& n, const Doubles& of, Doubles& to) {
            double dot = 0;
            for (size_t i = 0; i < key_dim; ++i) dot += of[i] * n[i];
            for (size_t i = 0; i < key_dim; ++i) to[key_at(t) + i] += (of[i] - dot * n[i]) / n[key_dim];
          };
          give(q, dq, d[0]);
          give(k, dk, d[1]);
        }
      }
      begin = end;
    }
    return d;
  }

  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed keys(tokens(), key_heads, key_dim, lay), values(tokens(), heads, value_dim, lay);
    DeviceArray &q = rig.Put(type, keys.Spread(in[0])), &k = rig.Put(type, keys.Spread(in[1])),
                &v = rig.Put(type, values.Spread(in[2]));
    DeviceArray &g = rig.Put(DType::kF32, in[3]), &beta = rig.Put(DType::kF32, in[4]),
                &out = rig.Put(type, values.Spread(Doubles(in[2].size())));
    std::vector<int32_t> offsets;
    const Documents docs = documents.On(rig, offsets);
    const auto t = static_cast<int64_t>(tokens()), h = static_cast<int64_t>(heads), kh = static_cast<int64_t>(key_heads);
    const auto kd = static_cast<int64_t>(key_dim), vd = static_cast<int64_t>(value_dim);
    const auto epsilon = static_cast<float>(kEpsilon);
    rig.Run(&Ops::DeltaRule, {type, t, h, kh, kd, vd, by_channel, 0.4f, epsilon, docs, keys.Read(q), keys.Read(k), values.Read(v),
                              g.floats(), beta.floats(), values.Write(out)});
    Results results;
    results.y = values.Dense(rig, out);
    if (dy == nullptr) return results;
    DeviceArray& dout = rig.Put(type, values.Spread(*dy));
    DeviceArray &dq = rig.Put(type, keys.Spread(Doubles(in[0].size()))), &dk = rig.Put(type, keys.Spread(Doubles(in[1].size())));
    DeviceArray& dv = rig.Put(type, values.Spread(Doubles(in[2].size())));
    DeviceArray &dg = rig.New(DType::kF32, in[3].size()), &dbeta = rig.New(DType::kF32, in[4].size());
    rig.Run(&Ops::DeltaRuleBackward, {type,
                                      t,
                                      h,
                                      kh,
                                      kd,
                                      vd,
                                      by_channel,
                                      0.4f,
                                      epsilon,
                                      docs,
                                      keys.Read(q),
                                      keys.Read(k),
                                      values.Read(v),
                                      g.floats(),
                                      beta.floats(),
                                      values.Read(dout),
                                      keys.Write(dq),
                                      keys.Write(dk),
                                      values.Write(dv),
                                      dg.floats(),
                                      dbeta.floats()});
    results.gradients = {keys.Dense(rig, dq), keys.Dense(rig, dk), values.Dense(rig, dv), &dg, &dbeta};
    return results;
  }
};

OpCase CaseOf(const Delta& d, double decay = 0.3) {
  const size_t keys = d.tokens() * d.key_heads * d.key_dim, gates = d.tokens() * d.heads;
  Doubles beta = Normals(gates, "beta");
  for (double& value : beta) value = 1 / (1 + std::exp(-2 * value));
  beta[0] = 0;
  if (gates > 1) beta[1] = 1.75;  // eigenvalues below 0
  OpCase c = MakeCase(
      d, {Normals(keys, "q"), Normals(keys, "k"), Normals(gates * d.value_dim, "v"), Decays(gates * d.gates(), decay), beta});
  if (d.key_dim >= 32) {
    c.exact_gradients = [d](const std::vector<Doubles>& in, const Doubles& dy) { return d.Gradients(in, dy); };
  }
  // Tensor cores take the state, what is left of values, pairs and what tokens add as bf16: four operands in a row, each off by
  // 2^-9 of itself.
  if (d.type == DType::kBF16) c.inner = 0x1p-7;
  return c;
}

struct States {
  DType type;
  Lengths documents;
  size_t heads, groups, head_dim, state_dim;
  Lay lay;

  std::string name() const {
    return StrCat("StateSpace_", Name(type), "_", ops_test::Name(lay), "_", documents.name(), "_", heads, "of", head_dim, "_",
                  groups, "of", state_dim);
  }
  size_t tokens() const { return documents.tokens(); }

  // inputs: x, b, c, g, step, d.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(tokens() * heads * head_dim), state(heads * state_dim * head_dim);
    documents.ForTokens([&](size_t t, bool begins) {
      if (begins) std::fill(state.begin(), state.end(), 0.0);
      for (size_t h = 0; h < heads; ++h) {
        const size_t shared = (t * groups + h / (heads / groups)) * state_dim, gate = t * heads + h;
        double* s = &state[h * state_dim * head_dim];
        for (size_t j = 0; j < head_dim; ++j) {
          const size_t at = gate * head_dim + j;
          y[at] = in[5][h] * in[0][at];
          for (size_t i = 0; i < state_dim; ++i) {
            double& one = s[i * head_dim + j];
            one = std::exp(in[3][gate]) * one + in[4][gate] * in[1][shared + i] * in[0][at];
            y[at] += one * in[2][shared + i];
          }
        }
      }
    });
    return y;
  }

  // Of y . dy, from the last token on.
  std::vector<Doubles> Gradients(const std::vector<Doubles>& in, const Doubles& dy) const {
    std::vector<Doubles> d;
    for (const Doubles& input : in) d.emplace_back(input.size());
    size_t begin = 0;
    for (const size_t length : documents.lengths) {
      const size_t end = begin + length;
      for (size_t h = 0; h < heads; ++h) {
        const auto shared = [&](size_t t) { return (t * groups + h / (heads / groups)) * state_dim; };
        std::vector<Doubles> states{Doubles(state_dim * head_dim)};  // before each token
        for (size_t t = begin; t < end; ++t) {
          Doubles next = states.back();
          for (size_t i = 0; i < state_dim; ++i) {
            for (size_t j = 0; j < head_dim; ++j) {
              double& one = next[i * head_dim + j];
              one = std::exp(in[3][t * heads + h]) * one +
                    in[4][t * heads + h] * in[1][shared(t) + i] * in[0][(t * heads + h) * head_dim + j];
            }
          }
          states.push_back(next);
        }
        Doubles dstate(state_dim * head_dim);
        for (size_t t = end; t-- > begin;) {
          const Doubles &before = states[t - begin], &after = states[t - begin + 1];
          const size_t gate = t * heads + h;
          for (size_t j = 0; j < head_dim; ++j) {
            const size_t at = gate * head_dim + j;
            d[0][at] += in[5][h] * dy[at];
            d[5][h] += in[0][at] * dy[at];
            for (size_t i = 0; i < state_dim; ++i) {
              double& one = dstate[i * head_dim + j];
              one += in[2][shared(t) + i] * dy[at];
              d[2][shared(t) + i] += after[i * head_dim + j] * dy[at];
              d[0][at] += one * in[4][gate] * in[1][shared(t) + i];
              d[1][shared(t) + i] += one * in[4][gate] * in[0][at];
              d[4][gate] += one * in[1][shared(t) + i] * in[0][at];
              one *= std::exp(in[3][gate]);
              d[3][gate] += one * before[i * head_dim + j];
            }
          }
        }
      }
      begin = end;
    }
    return d;
  }

  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const Placed rows(tokens(), heads, head_dim, lay), shared(tokens(), groups, state_dim, lay);
    DeviceArray &x = rig.Put(type, rows.Spread(in[0])), &b = rig.Put(type, shared.Spread(in[1])),
                &c = rig.Put(type, shared.Spread(in[2]));
    DeviceArray &g = rig.Put(DType::kF32, in[3]), &step = rig.Put(DType::kF32, in[4]), &d = rig.Put(type, in[5]);
    DeviceArray& y = rig.Put(type, rows.Spread(Doubles(in[0].size())));
    std::vector<int32_t> offsets;
    const Documents docs = documents.On(rig, offsets);
    const auto t = static_cast<int64_t>(tokens()), h = static_cast<int64_t>(heads), n = static_cast<int64_t>(groups);
    const auto hd = static_cast<int64_t>(head_dim), sd = static_cast<int64_t>(state_dim);
    rig.Run(&Ops::StateSpace, {type, t, h, n, hd, sd, docs, rows.Read(x), shared.Read(b), shared.Read(c), g.floats(),
                               step.floats(), d.data(), rows.Write(y)});
    Results results;
    results.y = rows.Dense(rig, y);
    if (dy == nullptr) return results;
    DeviceArray &dout = rig.Put(type, rows.Spread(*dy)), &dx = rig.Put(type, rows.Spread(Doubles(in[0].size())));
    DeviceArray &db = rig.Put(type, shared.Spread(Doubles(in[1].size()))),
                &dc = rig.Put(type, shared.Spread(Doubles(in[2].size())));
    DeviceArray &dg = rig.New(DType::kF32, in[3].size()), &dstep = rig.New(DType::kF32, in[4].size());
    DeviceArray& dd = rig.Put(DType::kF32, Doubles(heads, 1));
    rig.Run(&Ops::StateSpaceBackward, {type,
                                       t,
                                       h,
                                       n,
                                       hd,
                                       sd,
                                       docs,
                                       rows.Read(x),
                                       shared.Read(b),
                                       shared.Read(c),
                                       g.floats(),
                                       step.floats(),
                                       d.data(),
                                       rows.Read(dout),
                                       rows.Write(dx),
                                       shared.Write(db),
                                       shared.Write(dc),
                                       dg.floats(),
                                       dstep.floats(),
                                       dd.floats(),
                                       true});
    Doubles less = dd.Get();
    for (double& value : less) value -= 1;
    results.gradients = {rows.Dense(rig, dx),        shared.Dense(rig, db), shared.Dense(rig, dc), &dg, &dstep,
                         &rig.Put(DType::kF32, less)};
    return results;
  }
};

OpCase CaseOf(const States& s, double decay = 0.3) {
  const size_t shared = s.tokens() * s.groups * s.state_dim, gates = s.tokens() * s.heads;
  Doubles step = Normals(gates, "step", 0.5);
  for (double& value : step) value = std::abs(value) + 0.01;
  OpCase c = MakeCase(s, {Normals(gates * s.head_dim, "x"), Normals(shared, "b"), Normals(shared, "c"), Decays(gates, decay),
                          step, Normals(s.heads, "d")});
  if (s.state_dim == 128 || s.state_dim == 264) {
    c.exact_gradients = [s](const std::vector<Doubles>& in, const Doubles& dy) { return s.Gradients(in, dy); };
  }
  // Tensor cores take the state and pairs as bf16, each off by 2^-9 of itself.
  if (s.type == DType::kBF16) c.inner = 0x1p-8;
  return c;
}

}  // namespace

std::vector<OpCase> RecurrenceCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    const auto gates = [&](const Gates& g) {
      // Away from the limits, over which no difference may reach.
      Doubles a = Normals(g.all(), "a");
      cases.push_back(MakeCase(
          g, {a, Normals(g.tokens * g.heads, "b"), Normals(g.heads, "a_log", 0.5), Normals(g.heads * g.width, "dt", 0.5)}));
    };
    gates({type, 5, 3, 1, false, true, 0, 1e9, Lay::kTight});
    gates({type, 130, 2, 1, true, false, 0, 1e9, Lay::kWide});
    gates({type, 9, 2, 1, true, false, 0.4, 1.1, Lay::kTight});
    gates({type, 4, 2, 8, false, true, 0, 1e9, Lay::kApart});

    cases.push_back(CaseOf(Delta{type, {{5, 1, 9}}, 2, 1, 8, 16, false, Lay::kWide}));
    cases.push_back(CaseOf(Delta{type, {{70, 3}}, 4, 2, 3, 5, false, Lay::kTight}));
    cases.push_back(CaseOf(Delta{type, {{20, 2, 7}}, 2, 1, 8, 4, true, Lay::kApart}));
    // Keys and values of several tiles; keys wider than a tile.
    cases.push_back(CaseOf(Delta{type, {{150, 3, 64}}, 4, 2, 128, 40, false, Lay::kTight}, 0.1));
    cases.push_back(CaseOf(Delta{type, {{130}}, 2, 1, 72, 136, false, Lay::kApart}, 0.1));
    cases.push_back(CaseOf(Delta{type, {{70, 2}}, 2, 1, 136, 12, false, Lay::kWide}, 0.1));
    cases.push_back(CaseOf(Delta{type, {{40, 300}}, 2, 1, 72, 8, true, Lay::kTight}, 0.1));
    cases.push_back(CaseOf(States{type, {{5, 1, 9}}, 4, 2, 8, 16, Lay::kWide}));
    cases.push_back(CaseOf(States{type, {{70, 3}}, 3, 1, 4, 5, Lay::kTight}));
    cases.push_back(CaseOf(States{type, {{150, 3, 64}}, 4, 2, 40, 128, Lay::kTight}, 0.1));
    cases.push_back(CaseOf(States{type, {{130}}, 3, 1, 72, 128, Lay::kApart}, 0.1));
    // Wider than the tiles of 32 and 128 rows.
    cases.push_back(CaseOf(States{type, {{3, 2}}, 2, 1, 1, 40, Lay::kTight}));
    cases.push_back(CaseOf(States{type, {{66, 2}}, 2, 1, 1, 136, Lay::kWide}, 0.1));
    cases.push_back(CaseOf(States{type, {{600, 2}}, 2, 1, 3, 264, Lay::kWide}, 0.05));
  }
  // A decay of its own for each channel, on tensor cores: ragged chunks, keys and values that fill no tile, and decays of which a chunk has
  // hundreds.
  const auto channels = [&](const Lengths& documents, size_t heads, size_t key_dim, size_t value_dim, Lay lay, double decay) {
    cases.push_back(CaseOf(Delta{DType::kBF16, documents, heads, heads, key_dim, value_dim, true, lay}, decay));
  };
  channels({{5, 1, 9}}, 2, 8, 16, Lay::kWide, 0.3);
  channels({{70, 3}}, 2, 3, 5, Lay::kTight, 0.3);
  channels({{150, 3, 64}}, 2, 128, 40, Lay::kTight, 0.1);
  channels({{130}}, 1, 96, 136, Lay::kApart, 0.1);
  channels({{33, 200}}, 2, 32, 24, Lay::kWide, 1);
  channels({{140}}, 1, 64, 32, Lay::kTight, 10);
  // States that all but vanish within a chunk; several segments of chunks; more heads than blocks.
  cases.push_back(CaseOf(Delta{DType::kF32, {{66}}, 1, 1, 4, 3, false, Lay::kTight}, 30));
  cases.push_back(CaseOf(Delta{DType::kF32, {{1040, 5}}, 2, 1, 2, 1, false, Lay::kTight}, 0.02));
  cases.push_back(CaseOf(Delta{DType::kF32, {{270}}, 1, 1, 2, 2, true, Lay::kTight}, 0.05));
  cases.push_back(CaseOf(States{DType::kF32, {{66}}, 1, 1, 4, 3, Lay::kTight}, 30));
  cases.push_back(CaseOf(States{DType::kF32, {{530, 3}}, 2, 1, 2, 2, Lay::kTight}, 0.02));
  cases.push_back(CaseOf(States{DType::kF32, {{12}}, 18, 2, 2, 3, Lay::kTight}));
  return cases;
}

std::vector<OpCase> RecurrenceSpeedCases(size_t tokens) {
  std::vector<OpCase> cases;
  for (const size_t length : {tokens, size_t{1024}}) {
    const Lengths rows{std::vector<size_t>(tokens / length, length)};
    if (rows.tokens() != tokens) continue;
    cases.push_back(CaseOf(Delta{DType::kBF16, rows, 32, 16, 128, 128, false, Lay::kTight}, 0.05));
    cases.push_back(CaseOf(Delta{DType::kBF16, rows, 20, 20, 128, 128, true, Lay::kTight}, 0.05));
    cases.push_back(CaseOf(States{DType::kBF16, rows, 128, 1, 64, 128, Lay::kTight}, 0.05));
  }
  return cases;
}

}  // namespace hlm::ops_test
