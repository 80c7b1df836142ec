// Embeddings with a scale, positions beside them, and a row that learns nothing; the loss of logits that are scaled and capped.
#include <cmath>

#include "core/base/error.h"
#include "tests/ops/cases.h"

namespace hlm::ops_test {
namespace {

struct Lookup {
  DType type;
  size_t width;
  double scale;
  bool addend;
  int32_t skip;
  std::vector<int32_t> ids = {2, 0, 2, 3, 2, 1};
  static constexpr size_t kVocab = 4;

  // inputs: table, addend. The row that is skipped counts as a constant: whoever moves it sees nothing.
  Doubles Exact(const std::vector<Doubles>& in, const Doubles& constant) const {
    Doubles y;
    for (size_t t = 0; t < ids.size(); ++t) {
      const Doubles& table = ids[t] == skip ? constant : in[0];
      for (size_t i = 0; i < width; ++i) {
        y.push_back(scale * table[static_cast<size_t>(ids[t]) * width + i] + (addend ? in[1][t * width + i] : 0));
      }
    }
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    const auto n = static_cast<int64_t>(ids.size()), w = static_cast<int64_t>(width), vocab = static_cast<int64_t>(kVocab);
    const int32_t* at = rig.PutInts(ids);
    DeviceArray &table = rig.Put(type, in[0]), &y = rig.Put(type, in[1]);  // over the addend
    rig.Run(&Ops::Embedding,
            {type, n, w, vocab, at, table.data(), y.data(), static_cast<float>(scale), addend ? y.data() : nullptr});
    Results results;
    results.y = &y;
    if (dy == nullptr) return results;
    DeviceArray &d = rig.Put(type, *dy), &dtable = rig.Put(DType::kF32, Doubles(in[0].size(), 3));
    rig.Run(&Ops::EmbeddingBackward, {type, n, w, vocab, at, d.data(), dtable.floats(), static_cast<float>(scale), skip});
    Doubles gradient = dtable.Get();
    for (double& value : gradient) value -= 3;
    results.gradients = {&rig.Put(DType::kF32, gradient), addend ? &d : nullptr};
    return results;
  }
};

// y is the losses beside the entropies; their gradients come in as weights.
struct Loss {
  DType type;
  size_t vocab;
  double scale, logit_scale, cap;
  std::vector<int32_t> targets = {3, -100, 0};
  static constexpr size_t kRows = 3;

  double Logit(double x) const {
    const double z = logit_scale * x;
    return scale * (cap > 0 ? cap * std::tanh(z / cap) : z);
  }
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y(2 * kRows);
    for (size_t r = 0; r < kRows; ++r) {
      if (targets[r] < 0) continue;
      double sum = 0, mean = 0;
      for (size_t i = 0; i < vocab; ++i) sum += std::exp(Logit(in[0][r * vocab + i]));
      for (size_t i = 0; i < vocab; ++i) {
        const double z = Logit(in[0][r * vocab + i]);
        mean += std::exp(z) / sum * z;
      }
      y[r] = std::log(sum) - Logit(in[0][r * vocab + static_cast<size_t>(targets[r])]);
      y[kRows + r] = std::log(sum) - mean;
    }
    return y;
  }
  Results Run(Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) const {
    DeviceArray &logits = rig.Put(DType::kF32, in[0]), &nll = rig.New(DType::kF32, kRows),
                &entropies = rig.New(DType::kF32, kRows);
    CrossEntropyArgs args;
    args.type = type;
    args.rows = kRows;
    args.vocab = static_cast<int64_t>(vocab);
    args.logits = logits.floats();
    args.targets = rig.PutInts(targets);
    args.nll = nll.floats();
    args.entropies = entropies.floats();
    args.scale = static_cast<float>(scale);
    args.logit_scale = static_cast<float>(logit_scale);
    args.soft_cap = static_cast<float>(cap);
    Results results;
    if (dy != nullptr) {
      args.weights = rig.Put(DType::kF32, Doubles(dy->begin(), dy->begin() + kRows)).floats();
      args.entropy_weights = rig.Put(DType::kF32, Doubles(dy->begin() + kRows, dy->end())).floats();
      DeviceArray& d = type == DType::kF32 ? logits : rig.New(type, in[0].size());  // in place where that is allowed
      args.dlogits = d.data();
      results.gradients = {&d};
    }
    rig.Run(&Ops::CrossEntropy, args);
    Doubles both = nll.Get();
    const Doubles more = entropies.Get();
    both.insert(both.end(), more.begin(), more.end());
    results.y = &rig.Put(DType::kF32, both);
    return results;
  }
};

struct Cap {
  size_t n = 37;
  double scale, cap;
  Doubles Exact(const std::vector<Doubles>& in) const {
    Doubles y;
    for (const double x : in[0]) y.push_back(cap > 0 ? cap * std::tanh(scale * x / cap) : scale * x);
    return y;
  }
};

}  // namespace

std::vector<OpCase> LossCases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const size_t width : {8, 136}) {
      for (const auto& [scale, addend, skip] :
           {std::tuple<double, bool, int32_t>{1, false, -1}, {4.5, false, 2}, {1, true, -1}, {0.25, true, 3}}) {
        const Lookup lookup{type, width, scale, addend, skip};
        OpCase c;
        c.name = StrCat("Embedding_", Name(type), "_", width, "_", scale == 1 ? "plain" : "scaled", addend ? "_addend" : "", "_",
                        skip + 1);
        c.type = type;
        c.inputs = {Normals(Lookup::kVocab * width, "table"), Normals(lookup.ids.size() * width, "addend")};
        const Doubles constant = Stored(type, c.inputs[0]);
        c.exact = [lookup, constant](const std::vector<Doubles>& in) { return lookup.Exact(in, constant); };
        c.run = [lookup](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return lookup.Run(rig, in, dy); };
        cases.push_back(c);
      }
    }
    for (const auto& [scale, logit_scale, cap] :
         {std::tuple<double, double, double>{1, 1, 0}, {0.5, 1, 2}, {1, 0.25, 0}, {2, 0.5, 1.5}}) {
      for (const size_t vocab : {9, 64}) {
        const Loss loss{type, vocab, scale, logit_scale, cap};
        OpCase c;
        c.name = StrCat("CrossEntropy_", Name(type), "_", vocab, "_", static_cast<int>(scale * 100), "_",
                        static_cast<int>(logit_scale * 100), "_", static_cast<int>(cap * 10));
        c.type = type;
        c.inputs = {Normals(Loss::kRows * vocab, "logits", 2)};
        c.exact = [loss](const std::vector<Doubles>& in) { return loss.Exact(in); };
        c.run = [loss](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return loss.Run(rig, in, dy); };
        cases.push_back(c);
      }
    }
  }
  for (const auto& [scale, most] : {std::pair<double, double>{1, 3}, {0.25, 0}}) {
    const Cap cap{.scale = scale, .cap = most};
    OpCase c;
    c.name = StrCat("CapLogits_", static_cast<int>(scale * 100), "_", static_cast<int>(most));
    c.inputs = {Normals(cap.n, "x", 4)};
    c.exact = [cap](const std::vector<Doubles>& in) { return cap.Exact(in); };
    c.run = [cap](Rig& rig, const std::vector<Doubles>& in, const Doubles*) {
      Results results;
      results.y = &rig.Put(DType::kF32, in[0]);
      results.gradients = {nullptr};
      rig.Run(&Ops::CapLogits, {static_cast<int64_t>(cap.n), static_cast<float>(cap.scale), static_cast<float>(cap.cap),
                                results.y->floats(), results.y->floats()});
      return results;
    };
    cases.push_back(c);
  }
  return cases;
}

}  // namespace hlm::ops_test
