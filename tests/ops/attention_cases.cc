#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"
#include "tests/ops/lines.h"

namespace hlm::ops_test {
namespace {

struct Attend {
  std::string what;
  AttentionKind kind;
  size_t heads, kv_heads, dim, value_dim;
  bool sinks = false, slopes = false;
  std::vector<int32_t> offsets = {0, 1, 6, 17};
  Lay lay = Lay::kTight;
  bool one_row = false;  // q, k and v lie in one row, as one product leaves them

  size_t tokens() const { return static_cast<size_t>(offsets.back()); }
  double Slope(size_t head) const { return slopes ? 0.3 / static_cast<double>(1 + head) : 0; }

  bool Sees(size_t query, size_t key) const {
    if (key > query) return false;
    if (kind.window > 0 && query - key >= static_cast<size_t>(kind.window)) return false;
    return kind.chunk == 0 || query / static_cast<size_t>(kind.chunk) == key / static_cast<size_t>(kind.chunk);
  }

  // inputs: q, k, v, sinks.
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles out(tokens() * heads * value_dim);
    for (size_t d = 0; d + 1 < offsets.size(); ++d) {
      const auto begin = static_cast<size_t>(offsets[d]), length = static_cast<size_t>(offsets[d + 1]) - begin;
      for (size_t i = 0; i < length; ++i) {
        for (size_t h = 0; h < heads; ++h) {
          const size_t kv = h / (heads / kv_heads);
          Doubles weights;
          double total = sinks ? std::exp(in[3][h]) : 0;
          for (size_t j = 0; j < length; ++j) {
            double score = 0;
            for (size_t e = 0; e < dim; ++e) {
              score += in[0][((begin + i) * heads + h) * dim + e] * in[1][((begin + j) * kv_heads + kv) * dim + e];
            }
            score *= static_cast<double>(kind.scale);
            const auto cap = static_cast<double>(kind.soft_cap);
            if (cap > 0) score = cap * std::tanh(score / cap);
            score += Slope(h) * (static_cast<double>(j) - static_cast<double>(i));
            weights.push_back(Sees(i, j) ? std::exp(score) : 0);
            total += weights.back();
          }
          for (size_t j = 0; j < length; ++j) {
            for (size_t e = 0; e < value_dim; ++e) {
              out[((begin + i) * heads + h) * value_dim + e] +=
                  weights[j] / total * in[2][((begin + j) * kv_heads + kv) * value_dim + e];
            }
          }
        }
      }
    }
    return out;
  }

  // Where one of the arrays lies: apart, or, in one row, behind the others.
  struct Part {
    DeviceArray* array;
    View view;
  };
  Results Run(Rig& rig, DType type, const std::vector<Doubles>& in, const Doubles* dy) const {
    const auto rows = static_cast<int64_t>(tokens()), q_width = static_cast<int64_t>(heads * dim),
               k_width = static_cast<int64_t>(kv_heads * dim), v_width = static_cast<int64_t>(kv_heads * value_dim);
    const int64_t row = q_width + k_width + v_width;
    const Placed q_at(tokens(), heads, dim, lay), k_at(tokens(), kv_heads, dim, lay), v_at(tokens(), kv_heads, value_dim, lay),
        o_at(tokens(), heads, value_dim, lay);
    const auto in_one_row = [&](const Doubles& q, const Doubles& k, const Doubles& v) {
      Doubles all;
      for (int64_t t = 0; t < rows; ++t) {
        all.insert(all.end(), q.begin() + t * q_width, q.begin() + (t + 1) * q_width);
        all.insert(all.end(), k.begin() + t * k_width, k.begin() + (t + 1) * k_width);
        all.insert(all.end(), v.begin() + t * v_width, v.begin() + (t + 1) * v_width);
      }
      return all;
    };
    const auto column = [&](const DeviceArray& array, int64_t at, size_t width) {
      return MutableView{static_cast<char*>(array.data()) + static_cast<size_t>(at) * SizeOf(type), row,
                         static_cast<int64_t>(width)};
    };
    MutableView q, k, v, dq, dk, dv;
    const auto put = [&](const std::vector<Doubles>& values, MutableView* a, MutableView* b, MutableView* c) {
      std::vector<DeviceArray*> arrays;
      if (one_row) {
        DeviceArray& all = rig.Put(type, in_one_row(values[0], values[1], values[2]));
        *a = column(all, 0, dim), *b = column(all, q_width, dim), *c = column(all, q_width + k_width, value_dim);
        return std::vector<DeviceArray*>{&all};
      }
      DeviceArray &x = rig.Put(type, q_at.Spread(values[0])), &y = rig.Put(type, k_at.Spread(values[1])),
                  &z = rig.Put(type, v_at.Spread(values[2]));
      *a = q_at.Write(x), *b = k_at.Write(y), *c = v_at.Write(z);
      return std::vector<DeviceArray*>{&x, &y, &z};
    };
    put(in, &q, &k, &v);
    Doubles slope_values;
    for (size_t h = 0; h < heads; ++h) slope_values.push_back(Slope(h));
    DeviceArray &out = rig.Put(type, o_at.Spread(Doubles(tokens() * heads * value_dim))),
                &lse = rig.New(DType::kF32, tokens() * heads);
    int32_t longest = 0;
    for (size_t d = 0; d + 1 < offsets.size(); ++d) longest = std::max(longest, offsets[d + 1] - offsets[d]);
    ViewAttentionArgs args;
    args.type = type;
    args.kind = kind;
    args.tokens = rows;
    args.heads = static_cast<int64_t>(heads);
    args.kv_heads = static_cast<int64_t>(kv_heads);
    args.head_dim = static_cast<int64_t>(dim);
    args.value_dim = static_cast<int64_t>(value_dim);
    args.documents = {static_cast<int64_t>(offsets.size()) - 1, longest, rig.PutInts(offsets), offsets.data()};
    args.q = q, args.k = k, args.v = v;
    args.sinks = sinks ? rig.Put(type, in[3]).data() : nullptr;
    args.slopes = slopes ? rig.Put(DType::kF32, slope_values).floats() : nullptr;
    args.out = o_at.Write(out);
    args.lse = lse.floats();
    rig.Run(&Ops::ViewAttention, args);
    Results results;
    results.y = o_at.Dense(rig, out);
    if (dy == nullptr) return results;

    const auto blank = put({Doubles(in[0].size()), Doubles(in[1].size()), Doubles(in[2].size())}, &dq, &dk, &dv);
    DeviceArray& dsinks = rig.Put(DType::kF32, Doubles(heads, 3));
    ViewAttentionBackwardArgs back;
    back.type = type;
    back.kind = kind;
    back.tokens = args.tokens, back.heads = args.heads, back.kv_heads = args.kv_heads;
    back.head_dim = args.head_dim, back.value_dim = args.value_dim;
    back.documents = args.documents;
    back.q = q, back.k = k, back.v = v;
    back.sinks = args.sinks;
    back.slopes = args.slopes;
    back.out = args.out;
    back.dout = o_at.Read(rig.Put(type, o_at.Spread(*dy)));
    back.lse = lse.floats();
    back.dq = dq, back.dk = dk, back.dv = dv;
    back.dsinks = sinks ? dsinks.floats() : nullptr;
    back.accumulate = sinks;
    rig.Run(&Ops::ViewAttentionBackward, back);
    if (one_row) {
      const Doubles all = blank[0]->Get();
      Doubles parts[3];
      for (int64_t t = 0; t < rows; ++t) {
        const auto from = all.begin() + t * row;
        parts[0].insert(parts[0].end(), from, from + q_width);
        parts[1].insert(parts[1].end(), from + q_width, from + q_width + k_width);
        parts[2].insert(parts[2].end(), from + q_width + k_width, from + row);
      }
      for (const Doubles& part : parts) results.gradients.push_back(&rig.Put(type, part));
    } else {
      results.gradients = {q_at.Dense(rig, *blank[0]), k_at.Dense(rig, *blank[1]), v_at.Dense(rig, *blank[2])};
    }
    Doubles sink_gradients = dsinks.Get();
    for (double& value : sink_gradients) value -= 3;
    results.gradients.push_back(sinks ? &rig.Put(DType::kF32, sink_gradients) : nullptr);
    return results;
  }
};

OpCase CaseOf(const Attend& attend, DType type) {
  OpCase c;
  c.name = StrCat("Attention_", Name(type), "_", attend.what, "_", ops_test::Name(attend.lay), attend.one_row ? "_onerow" : "",
                  "_", attend.heads, "_", attend.kv_heads, "x", attend.dim, "_", attend.value_dim);
  c.type = type;
  c.inputs = {Normals(attend.tokens() * attend.heads * attend.dim, "q"),
              Normals(attend.tokens() * attend.kv_heads * attend.dim, "k"),
              Normals(attend.tokens() * attend.kv_heads * attend.value_dim, "v"), Normals(attend.heads, "sinks")};
  c.exact = [attend](const std::vector<Doubles>& in) { return attend.Exact(in); };
  c.run = [attend, type](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return attend.Run(rig, type, in, dy); };
  if (type == DType::kBF16) c.inner = 0x1p-8;  // tensor cores take probabilities as bf16: each off by 2^-9 of itself
  c.roundings = 2;                             // the output's rounding comes back in dout . out
  return c;
}

}  // namespace

std::vector<OpCase> AttentionCases() {
  std::vector<OpCase> cases;
  const AttentionKind plain{.scale = 0.3f}, window{.scale = 0.3f, .window = 4}, chunk{.scale = 0.3f, .chunk = 4},
      capped{.scale = 0.5f, .soft_cap = 1.5f}, all{.scale = 0.4f, .window = 5, .chunk = 7, .soft_cap = 2};
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const Attend& attend : {
             Attend{"plain", plain, 2, 2, 8, 8},
             Attend{"plain", plain, 4, 2, 8, 8, false, false, {0, 1, 6, 17}, Lay::kWide},
             Attend{"plain", plain, 2, 1, 8, 8, false, false, {0, 3, 9}, Lay::kTight, true},
             Attend{"window", window, 4, 2, 8, 8, false, false, {0, 1, 6, 17}, Lay::kApart},
             Attend{"chunk", chunk, 2, 2, 8, 8},
             Attend{"capped", capped, 4, 2, 8, 8},
             Attend{"sinks", plain, 4, 2, 8, 8, true},
             Attend{"sinkswindow", window, 2, 1, 8, 8, true, false, {0, 3, 11}, Lay::kApart},
             Attend{"slopes", plain, 3, 3, 8, 8, false, true},
             Attend{"latent", plain, 2, 2, 24, 16, false, false, {0, 2, 9}, Lay::kApart},
             Attend{"wider", plain, 2, 1, 8, 16, false, false, {0, 2, 9}},
             Attend{"capped", capped, 2, 1, 136, 136, false, false, {0, 1, 19}},
             Attend{"all", all, 4, 2, 16, 8, true, true, {0, 5, 17}, Lay::kApart},
         }) {
      cases.push_back(CaseOf(attend, type));
    }
  }
  return cases;
}

std::vector<OpCase> AttentionSpeedCases(size_t tokens) {
  const AttentionKind plain{.scale = 0.09f}, window{.scale = 0.09f, .window = 1024}, capped{.scale = 0.09f, .soft_cap = 50};
  const std::vector<int32_t> one = {0, static_cast<int32_t>(tokens)};
  std::vector<OpCase> cases;
  for (const Attend& attend : {
           Attend{"plain", plain, 16, 8, 128, 128, false, false, one, Lay::kTight, true},
           Attend{"plain", plain, 16, 8, 128, 128, false, false, one, Lay::kWide},
           Attend{"window", window, 16, 8, 128, 128, false, false, one},
           Attend{"capped", capped, 16, 8, 128, 128, false, false, one},
           Attend{"sinks", plain, 16, 8, 64, 64, true, false, one},
           Attend{"latent", plain, 16, 16, 192, 128, false, false, one},
       }) {
    cases.push_back(CaseOf(attend, DType::kBF16));
  }
  return cases;
}

}  // namespace hlm::ops_test
