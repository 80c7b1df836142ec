// The three products of a linear layer against plain loops in double.
//
// Bound: a sum of k products in any order is off by at most k units of rounding (2^-24) of the sum of their sizes; bias, addend
// and the old gradient are further terms. A bf16 result is then rounded once: one bf16 unit (2^-8) of its own size.
#include <algorithm>
#include <ostream>

#include "tests/cpu/reference.h"
#include "tests/cpu/rig.h"

namespace hlm {
namespace {

struct Case {
  DType type, y_type;
  int64_t tokens, in, out;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << Name(c.type) << "_" << Name(c.y_type) << "_" << c.tokens << "x" << c.in << "x" << c.out;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const auto& [type, y_type] :
       {std::pair{DType::kF32, DType::kF32}, {DType::kBF16, DType::kBF16}, {DType::kBF16, DType::kF32}}) {
    for (const int64_t tokens : {1, 3, 17, 130}) {
      for (const auto& [in, out] :
           {std::pair<int64_t, int64_t>{1, 1}, {7, 13}, {8, 16}, {33, 65}, {130, 100}, {257, 31}, {64, 1000}}) {
        cases.push_back({type, y_type, tokens, in, out});
      }
    }
  }
  return cases;
}

class LinearTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override { type_ = GetParam().type, y_type_ = GetParam().y_type; }
  size_t Size(int64_t n) { return static_cast<size_t>(n); }

  Rig rig_;
  DType type_ = DType::kF32, y_type_ = DType::kF32;
  const int64_t t_ = GetParam().tokens, in_ = GetParam().in, out_ = GetParam().out;
};

TEST_P(LinearTest, ForwardWithAndWithoutBiasAndAddend) {
  Array x = RandomArray(type_, t_ * in_, "x"), w = RandomArray(type_, out_ * in_, "w"), bias = RandomArray(type_, out_, "bias");
  const Array addend = RandomArray(y_type_, t_ * out_, "addend");
  const size_t m = Size(t_), n = Size(out_), k = Size(in_);
  const auto product = [&](auto f) {
    return reference::Product(
        m, n, k, [&](size_t i, size_t p) { return f(x[i * k + p]); }, [&](size_t p, size_t j) { return f(w[j * k + p]); });
  };
  const Doubles sums = product([](double v) { return v; }), sizes = product([](double v) { return std::abs(v); });
  for (const bool with_bias : {false, true}) {
    for (const bool add : {false, true}) {
      Doubles expected = sums, size = sizes;
      for (size_t i = 0; i < sums.size(); ++i) {
        const double b = with_bias ? bias[i % n] : 0, a = add ? addend[i] : 0;
        expected[i] += b + a;
        size[i] += std::abs(b) + std::abs(a);
      }
      Array apart = addend, y(y_type_, t_ * out_);
      LinearArgs args;
      args.type = type_;
      args.y_type = y_type_;
      args.tokens = t_;
      args.in = in_;
      args.out = out_;
      args.x = x.data();
      args.w = w.data();
      args.bias = with_bias ? bias.data() : nullptr;
      args.addend = add ? apart.data() : nullptr;
      args.y = y.data();
      rig_.Run(&Ops::Linear, args);
      const double rounding = y_type_ == DType::kBF16 ? kBf16Unit : 0;
      ExpectWithin(
          y, expected,
          [&](size_t i) {
            return rounding * std::abs(expected[i]) + (static_cast<double>(k) + 3) * kFloatUnit * size[i] * (1 + rounding);
          },
          StrCat("y, bias ", with_bias, ", addend ", add));
      EXPECT_TRUE(apart.SameBits(addend));
    }
  }
}

TEST_P(LinearTest, BackwardInput) {
  Array dy = RandomArray(type_, t_ * out_, "dy"), w = RandomArray(type_, out_ * in_, "w"), dx(type_, t_ * in_);
  const size_t m = Size(t_), n = Size(in_), k = Size(out_);
  const auto product = [&](auto f) {
    return reference::Product(
        m, n, k, [&](size_t i, size_t p) { return f(dy[i * k + p]); }, [&](size_t p, size_t j) { return f(w[p * n + j]); });
  };
  const Doubles expected = product([](double v) { return v; }), size = product([](double v) { return std::abs(v); });
  LinearBackwardInputArgs args;
  args.type = type_;
  args.tokens = t_;
  args.in = in_;
  args.out = out_;
  args.dy = dy.data();
  args.w = w.data();
  args.dx = dx.data();
  rig_.Run(&Ops::LinearBackwardInput, args);
  const double rounding = type_ == DType::kBF16 ? kBf16Unit : 0;
  ExpectWithin(
      dx, expected,
      [&](size_t i) {
        return rounding * std::abs(expected[i]) + (static_cast<double>(k) + 1) * kFloatUnit * size[i] * (1 + rounding);
      },
      "dx");
}

TEST_P(LinearTest, BackwardWeightOverwritesAndAccumulates) {
  Array dy = RandomArray(type_, t_ * out_, "dy"), x = RandomArray(type_, t_ * in_, "x");
  const size_t m = Size(out_), n = Size(in_), k = Size(t_);
  const auto product = [&](auto f) {
    return reference::Product(
        m, n, k, [&](size_t i, size_t p) { return f(dy[p * m + i]); }, [&](size_t p, size_t j) { return f(x[p * n + j]); });
  };
  const Doubles sums = product([](double v) { return v; }), sizes = product([](double v) { return std::abs(v); });
  for (const bool accumulate : {false, true}) {
    const Array old_w = RandomArray(DType::kF32, out_ * in_, "old dw"), old_b = RandomArray(DType::kF32, out_, "old dbias");
    Array dw = accumulate ? old_w : Array(DType::kF32, out_ * in_), dbias = accumulate ? old_b : Array(DType::kF32, out_);
    LinearBackwardWeightArgs args;
    args.type = type_;
    args.tokens = t_;
    args.in = in_;
    args.out = out_;
    args.dy = dy.data();
    args.x = x.data();
    args.dw = dw.floats();
    args.dbias = dbias.floats();
    args.accumulate = accumulate;
    rig_.Run(&Ops::LinearBackwardWeight, args);
    Doubles expected = sums, size = sizes, expected_b(m), size_b(m);
    for (size_t i = 0; accumulate && i < expected.size(); ++i) expected[i] += old_w[i], size[i] += std::abs(old_w[i]);
    for (size_t j = 0; j < m; ++j) {
      if (accumulate) expected_b[j] = old_b[j], size_b[j] = std::abs(old_b[j]);
      for (size_t p = 0; p < k; ++p) expected_b[j] += dy[p * m + j], size_b[j] += std::abs(dy[p * m + j]);
    }
    const double units = (static_cast<double>(k) + 1) * kFloatUnit;
    ExpectWithin(
        dw, expected, [&](size_t i) { return units * size[i]; }, "dw");
    ExpectWithin(
        dbias, expected_b, [&](size_t i) { return units * size_b[i]; }, "dbias");

    Array alone = accumulate ? old_w : Array(DType::kF32, out_ * in_);
    args.dw = alone.floats();
    args.dbias = nullptr;
    rig_.Run(&Ops::LinearBackwardWeight, args);
    EXPECT_TRUE(alone.SameBits(dw)) << "dw changes with dbias";
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LinearTest, testing::ValuesIn(Cases()));

// Uniform in [-1, 1): cheaper than normals where there are many.
Array UniformArray(DType type, int64_t n, const std::string& name) {
  const uint64_t key = RandomKey(1, name);
  Doubles values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) values[i] = 2 * RandomUniform(key, i) - 1;
  return Array(type, values);
}

// Larger than any panel in every direction, so that panels meet inside the result and in depth; places are spread over all of it.
TEST(LinearPanelsTest, BordersOfPanelsDoNotShow) {
  constexpr int64_t kTokens = 1100, kIn = 4300, kOut = 4200, kPlaces = 400;
  Rig rig;
  Array x = UniformArray(DType::kBF16, kTokens * kIn, "x"), w = UniformArray(DType::kBF16, kOut * kIn, "w");
  Array bias = UniformArray(DType::kBF16, kOut, "bias"), dy = UniformArray(DType::kBF16, kTokens * kOut, "dy");
  Array addend = UniformArray(DType::kBF16, kTokens * kOut, "addend"), y(DType::kBF16, kTokens * kOut);
  Array logits(DType::kF32, kTokens * kOut), dx(DType::kBF16, kTokens * kIn), dw(DType::kF32, kOut * kIn);

  LinearArgs forward{DType::kBF16, DType::kBF16, kTokens, kIn, kOut, x.data(), w.data(), bias.data(), addend.data(), y.data()};
  rig.Run(&Ops::Linear, forward);
  forward.y_type = DType::kF32;
  forward.addend = nullptr;
  forward.y = logits.data();
  rig.Run(&Ops::Linear, forward);
  rig.Run(&Ops::LinearBackwardInput, {DType::kBF16, kTokens, kIn, kOut, dy.data(), w.data(), dx.data()});
  rig.Run(&Ops::LinearBackwardWeight, {DType::kBF16, kTokens, kIn, kOut, dy.data(), x.data(), dw.floats(), nullptr, false});

  const uint64_t key = RandomKey(1, "places");
  const auto check = [](double actual, double expected, double size, int64_t terms, bool rounded) {
    EXPECT_NEAR(actual, expected,
                (rounded ? kBf16Unit * std::abs(expected) : 0) + static_cast<double>(terms + 3) * kFloatUnit * size);
  };
  for (uint64_t p = 0; p < kPlaces; ++p) {
    const auto t = static_cast<int64_t>(RandomBelow(key, 3 * p, kTokens));
    const auto i = static_cast<int64_t>(RandomBelow(key, 3 * p + 1, kIn)),
               o = static_cast<int64_t>(RandomBelow(key, 3 * p + 2, kOut));
    const auto at = [](int64_t r, int64_t width, int64_t c) { return static_cast<size_t>(r * width + c); };
    double sum = 0, size = 0;
    for (int64_t c = 0; c < kIn; ++c)
      sum += x[at(t, kIn, c)] * w[at(o, kIn, c)], size += std::abs(x[at(t, kIn, c)] * w[at(o, kIn, c)]);
    check(logits[at(t, kOut, o)], sum + bias[at(0, 0, o)], size + std::abs(bias[at(0, 0, o)]), kIn, false);
    check(y[at(t, kOut, o)], sum + bias[at(0, 0, o)] + addend[at(t, kOut, o)], size + 2, kIn, true);
    sum = size = 0;
    for (int64_t c = 0; c < kOut; ++c)
      sum += dy[at(t, kOut, c)] * w[at(c, kIn, i)], size += std::abs(dy[at(t, kOut, c)] * w[at(c, kIn, i)]);
    check(dx[at(t, kIn, i)], sum, size, kOut, true);
    sum = size = 0;
    for (int64_t c = 0; c < kTokens; ++c)
      sum += dy[at(c, kOut, o)] * x[at(c, kIn, i)], size += std::abs(dy[at(c, kOut, o)] * x[at(c, kIn, i)]);
    check(dw[at(o, kIn, i)], sum, size, kTokens, false);
  }
}

}  // namespace
}  // namespace hlm
