// Every backward operation against central differences, twice over:
// - through the plain forward loop in double, element by element: the formula is that of the forward pass (error about h^2);
// - through the forward operation itself, along random directions: the two operations belong together (error of fp32 over h).
#include <algorithm>

#include "tests/cpu/attention_reference.h"
#include "tests/cpu/reference.h"
#include "tests/cpu/rig.h"

namespace hlm {
namespace {

using Inputs = std::vector<Doubles>;

struct Subject {
  Inputs inputs;                                                     // small, in f32's range
  std::function<Doubles(const Inputs&)> exact;                       // the forward pass in double
  std::function<Doubles(const Inputs&)> operation;                   // the forward operation in f32
  std::function<Inputs(const Inputs&, const Doubles& dy)> backward;  // gradients of all inputs, by the backward operation
};

double Dot(const Doubles& a, const Doubles& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
double Norm(const Doubles& a) { return std::sqrt(Dot(a, a)); }

void Check(const Subject& subject) {
  Inputs inputs = subject.inputs;
  for (Doubles& input : inputs) input = Array(DType::kF32, input).values();  // as the operations see them
  const Doubles y = subject.exact(inputs);
  const Doubles dy = Array(DType::kF32, Normals(static_cast<int64_t>(y.size()), "dy")).values();
  const Inputs gradients = subject.backward(inputs, dy);
  ASSERT_EQ(gradients.size(), inputs.size());

  constexpr double kStep = 1e-4;  // truncation 1e-8, double's rounding 1e-12: both below fp32's own error
  for (size_t a = 0; a < inputs.size(); ++a) {
    Doubles expected(inputs[a].size());
    for (size_t i = 0; i < expected.size(); ++i) {
      Inputs moved = inputs;
      moved[a][i] = inputs[a][i] + kStep;
      const double above = Dot(subject.exact(moved), dy);
      moved[a][i] = inputs[a][i] - kStep;
      expected[i] = (above - Dot(subject.exact(moved), dy)) / (2 * kStep);
    }
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(gradients[a][i], expected[i], 1e-5 * (std::abs(expected[i]) + MaxAbs(expected) + 1e-2))
          << "input " << a << " element " << i;
    }
  }

  constexpr double kBigStep = 1e-2;
  for (int64_t direction = 0; direction < 4; ++direction) {
    Inputs above = inputs, below = inputs;
    double slope = 0, size = 0;
    for (size_t a = 0; a < inputs.size(); ++a) {
      const Doubles u = Normals(static_cast<int64_t>(inputs[a].size()), StrCat("direction ", direction, " of ", a));
      for (size_t i = 0; i < u.size(); ++i) above[a][i] += kBigStep * u[i], below[a][i] -= kBigStep * u[i];
      slope += Dot(u, gradients[a]);
      size += Norm(gradients[a]) * Norm(u);
    }
    const double difference = (Dot(subject.operation(above), dy) - Dot(subject.operation(below), dy)) / (2 * kBigStep);
    // Truncation h^2 = 1e-4 of third derivatives, fp32 noise 1e-7 / 1e-2: well inside 0.3 % of the sizes that met in the sums.
    EXPECT_NEAR(slope, difference, 3e-3 * (size + 1e-3)) << "direction " << direction;
  }
}

Array F32(const Doubles& values) { return Array(DType::kF32, values); }
Array Blank(size_t n) { return Array(DType::kF32, static_cast<int64_t>(n)); }

TEST(GradientTest, Linear) {
  constexpr int64_t kTokens = 5, kIn = 7, kOut = 6;
  Rig rig;
  Subject subject;
  subject.inputs = {Normals(kTokens * kIn, "x"), Normals(kOut * kIn, "w"), Normals(kOut, "bias"),
                    Normals(kTokens * kOut, "addend")};
  subject.exact = [](const Inputs& in) {
    Doubles y = reference::Product(
        kTokens, kOut, kIn, [&](size_t i, size_t p) { return in[0][i * kIn + p]; },
        [&](size_t p, size_t j) { return in[1][j * kIn + p]; });
    for (size_t i = 0; i < y.size(); ++i) y[i] += in[2][i % kOut] + in[3][i];
    return y;
  };
  subject.operation = [&](const Inputs& in) {
    Array x = F32(in[0]), w = F32(in[1]), bias = F32(in[2]), addend = F32(in[3]), y = Blank(kTokens * kOut);
    rig.Run(&Ops::Linear,
            {DType::kF32, DType::kF32, kTokens, kIn, kOut, x.data(), w.data(), bias.data(), addend.data(), y.data()});
    return y.values();
  };
  subject.backward = [&](const Inputs& in, const Doubles& dy) {
    Array x = F32(in[0]), w = F32(in[1]), g = F32(dy), dx = Blank(in[0].size()), dw = Blank(in[1].size()), dbias = Blank(kOut);
    rig.Run(&Ops::LinearBackwardInput, {DType::kF32, kTokens, kIn, kOut, g.data(), w.data(), dx.data()});
    rig.Run(&Ops::LinearBackwardWeight,
            {DType::kF32, kTokens, kIn, kOut, g.data(), x.data(), dw.floats(), dbias.floats(), false});
    return Inputs{dx.values(), dw.values(), dbias.values(), dy};
  };
  Check(subject);
}

TEST(GradientTest, RmsNormWithResidual) {
  constexpr int64_t kRows = 4, kWidth = 11;
  constexpr float kEpsilon = 1e-5f;
  Rig rig;
  Subject subject;
  subject.inputs = {Normals(kRows * kWidth, "x"), Normals(kWidth, "w")};
  // The residual branch: the gradient goes past the norm as well, y = [norm(x), x].
  const auto both = [](Doubles y, const Doubles& x) {
    y.insert(y.end(), x.begin(), x.end());
    return y;
  };
  subject.exact = [=](const Inputs& in) { return both(reference::RmsNorm(in[0], in[1], kEpsilon), in[0]); };
  Array rstd = Blank(kRows);
  subject.operation = [&, both](const Inputs& in) {
    Array x = F32(in[0]), w = F32(in[1]), y = Blank(in[0].size());
    rig.Run(&Ops::RmsNorm, {DType::kF32, kRows, kWidth, kEpsilon, x.data(), w.data(), y.data(), rstd.floats()});
    return both(y.values(), x.values());
  };
  subject.backward = [&](const Inputs& in, const Doubles& dy) {
    subject.operation(in);
    const auto half = dy.begin() + static_cast<int64_t>(in[0].size());
    Array x = F32(in[0]), w = F32(in[1]), g = F32(Doubles(dy.begin(), half)), residual = F32(Doubles(half, dy.end()));
    Array dx = Blank(in[0].size()), dw = Blank(kWidth);
    rig.Run(&Ops::RmsNormBackward, {DType::kF32, kRows, kWidth, x.data(), w.data(), rstd.floats(), g.data(), residual.data(),
                                    dx.data(), dw.floats(), false});
    return Inputs{dx.values(), dw.values()};
  };
  Check(subject);
}

void CheckQkRotary(bool norm) {
  constexpr int64_t kTokens = 3, kHeads = 4, kKvHeads = 2, kDim = 6;
  constexpr float kEpsilon = 1e-5f;
  constexpr size_t kWidth = (kHeads + 2 * kKvHeads) * kDim, kTurned = kHeads + kKvHeads;
  const reference::Heads heads{kHeads, kKvHeads, kDim};
  const std::vector<int32_t> positions = {0, 2, 1};
  Doubles angles;
  for (size_t p = 0; p < 3; ++p) {
    for (size_t i = 0; i < kDim; ++i) {
      const double angle = static_cast<double>(p) * (1.0 + static_cast<double>(i % 3));
      angles.push_back(i < 3 ? std::cos(angle) : std::sin(angle));
    }
  }
  Array table = F32(angles);
  Rig rig;
  Subject subject;
  subject.inputs = {Normals(kTokens * kWidth, "qkv")};
  if (norm) subject.inputs = {subject.inputs[0], Normals(kDim, "q_norm"), Normals(kDim, "k_norm")};
  const auto weight = [](const Inputs& in, size_t i) { return in.size() > 1 ? in[i] : Doubles(); };
  subject.exact = [&, weight](const Inputs& in) {
    Doubles qkv = in[0];
    reference::QkRotary(&qkv, heads, positions, table.values(), weight(in, 1), weight(in, 2), kEpsilon);
    return qkv;
  };
  Array raw = Blank(kTokens * kTurned * kDim), rstd = Blank(kTokens * kTurned);
  subject.operation = [&, norm, weight](const Inputs& in) {
    Array qkv = F32(in[0]), q = F32(weight(in, 1)), k = F32(weight(in, 2));
    rig.Run(&Ops::QkRotary,
            {DType::kF32, kTokens, kHeads, kKvHeads, kDim, kEpsilon, qkv.data(), positions.data(), table.floats(),
             norm ? q.data() : nullptr, norm ? k.data() : nullptr, norm ? raw.data() : nullptr, norm ? rstd.floats() : nullptr});
    return qkv.values();
  };
  subject.backward = [&, norm, weight](const Inputs& in, const Doubles& dy) {
    subject.operation(in);
    Array d = F32(dy), q = F32(weight(in, 1)), k = F32(weight(in, 2)), dq = Blank(kDim), dk = Blank(kDim);
    rig.Run(&Ops::QkRotaryBackward,
            {DType::kF32, kTokens, kHeads, kKvHeads, kDim, d.data(), positions.data(), table.floats(), norm ? q.data() : nullptr,
             norm ? k.data() : nullptr, norm ? raw.data() : nullptr, norm ? rstd.floats() : nullptr, norm ? dq.floats() : nullptr,
             norm ? dk.floats() : nullptr, false});
    if (!norm) return Inputs{d.values()};
    return Inputs{d.values(), dq.values(), dk.values()};
  };
  Check(subject);
}
TEST(GradientTest, QkRotary) { CheckQkRotary(false); }
TEST(GradientTest, QkRotaryWithNorms) { CheckQkRotary(true); }

void CheckAttention(int64_t heads, int64_t kv_heads, int64_t dim, int64_t window, const std::vector<int32_t>& offsets) {
  const int64_t tokens = offsets.back(), width = (heads + 2 * kv_heads) * dim;
  reference::Attention reference{{static_cast<size_t>(heads), static_cast<size_t>(kv_heads), static_cast<size_t>(dim)},
                                 static_cast<size_t>(window),
                                 offsets};
  Documents documents{static_cast<int64_t>(offsets.size()) - 1, tokens, offsets.data(), offsets.data()};
  Rig rig;
  Subject subject;
  subject.inputs = {Normals(tokens * width, "qkv")};
  subject.exact = [&](const Inputs& in) {
    Doubles out, lse;
    reference.Forward(in[0], &out, &lse);
    return out;
  };
  Array out = Blank(static_cast<size_t>(tokens * heads * dim)), lse = Blank(static_cast<size_t>(tokens * heads));
  subject.operation = [&](const Inputs& in) {
    Array qkv = F32(in[0]);
    rig.Run(&Ops::Attention,
            {DType::kF32, tokens, heads, kv_heads, dim, window, documents, qkv.data(), out.data(), lse.floats()});
    return out.values();
  };
  subject.backward = [&](const Inputs& in, const Doubles& dy) {
    subject.operation(in);
    Array qkv = F32(in[0]), dout = F32(dy), dqkv = Blank(in[0].size());
    rig.Run(&Ops::AttentionBackward, {DType::kF32, tokens, heads, kv_heads, dim, window, documents, qkv.data(), out.data(),
                                      dout.data(), lse.floats(), dqkv.data()});
    return Inputs{dqkv.values()};
  };
  Check(subject);
}
TEST(GradientTest, Attention) { CheckAttention(2, 2, 4, 0, {0, 6}); }
TEST(GradientTest, AttentionGroupedWithDocumentsAndWindow) { CheckAttention(6, 2, 3, 3, {0, 1, 5, 12}); }

TEST(GradientTest, SwiGlu) {
  constexpr int64_t kTokens = 3, kWidth = 11;
  Rig rig;
  Subject subject;
  subject.inputs = {Normals(kTokens * 2 * kWidth, "gate_up")};
  subject.exact = [](const Inputs& in) { return reference::SwiGlu(in[0], kWidth); };
  subject.operation = [&](const Inputs& in) {
    Array x = F32(in[0]), y = Blank(kTokens * kWidth);
    rig.Run(&Ops::SwiGlu, {DType::kF32, kTokens, kWidth, x.data(), y.data()});
    return y.values();
  };
  subject.backward = [&](const Inputs& in, const Doubles& dy) {
    Array x = F32(in[0]), g = F32(dy), d = Blank(in[0].size());
    rig.Run(&Ops::SwiGluBackward, {DType::kF32, kTokens, kWidth, x.data(), g.data(), d.data()});
    return Inputs{d.values()};
  };
  Check(subject);
}

TEST(GradientTest, Embedding) {
  constexpr int64_t kTokens = 5, kWidth = 3, kVocab = 4;
  const std::vector<int32_t> ids = {2, 0, 2, 3, 2};
  Rig rig;
  Subject subject;
  subject.inputs = {Normals(kVocab * kWidth, "table")};
  subject.exact = [&](const Inputs& in) {
    Doubles y;
    for (const int32_t id : ids) y.insert(y.end(), in[0].begin() + id * kWidth, in[0].begin() + (id + 1) * kWidth);
    return y;
  };
  subject.operation = [&](const Inputs& in) {
    Array table = F32(in[0]), y = Blank(kTokens * kWidth);
    rig.Run(&Ops::Embedding, {DType::kF32, kTokens, kWidth, kVocab, ids.data(), table.data(), y.data()});
    return y.values();
  };
  subject.backward = [&](const Inputs&, const Doubles& dy) {
    Array g = F32(dy), d = F32(Doubles(kVocab * kWidth));
    rig.Run(&Ops::EmbeddingBackward, {DType::kF32, kTokens, kWidth, kVocab, ids.data(), g.data(), d.floats()});
    return Inputs{d.values()};
  };
  Check(subject);
}

TEST(GradientTest, CrossEntropy) {
  constexpr int64_t kRows = 4, kVocab = 9;
  const std::vector<int32_t> targets = {8, -100, 0, 3};
  Rig rig;
  const auto run = [&](const Inputs& in, const Doubles& dy, Array* nll, Array* d) {
    Array logits = F32(in[0]), weights = F32(dy);
    CrossEntropyArgs args;
    args.rows = kRows;
    args.vocab = kVocab;
    args.logits = logits.floats();
    args.targets = targets.data();
    args.weights = weights.floats();
    args.nll = nll->floats();
    args.dlogits = d->data();
    rig.Run(&Ops::CrossEntropy, args);
  };
  Subject subject;
  subject.inputs = {Normals(kRows * kVocab, "logits", 2)};
  subject.exact = [&](const Inputs& in) { return reference::Nll(in[0], kVocab, targets); };
  subject.operation = [&](const Inputs& in) {
    Array nll = Blank(kRows), d = Blank(in[0].size());
    run(in, Doubles(kRows, 1.0), &nll, &d);
    return nll.values();
  };
  subject.backward = [&](const Inputs& in, const Doubles& dy) {  // the weight of a row is the gradient of its loss
    Array nll = Blank(kRows), d = Blank(in[0].size());
    run(in, dy, &nll, &d);
    return Inputs{d.values()};
  };
  Check(subject);
}

}  // namespace
}  // namespace hlm
