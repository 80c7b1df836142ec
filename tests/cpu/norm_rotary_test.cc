// RMS norm and the rotary embedding with query and key norms, forward and backward, against plain loops in double.
#include <numeric>
#include <ostream>

#include "tests/cpu/reference.h"
#include "tests/cpu/rig.h"

namespace hlm {
namespace {

constexpr double kEpsilon = 1e-5f;  // the value that the float argument holds

struct NormCase {
  DType type;
  int64_t rows, width;
};
std::ostream& operator<<(std::ostream& out, const NormCase& c) { return out << Name(c.type) << "_" << c.rows << "x" << c.width; }

std::vector<NormCase> NormCases() {
  std::vector<NormCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const int64_t rows : {1, 3, 17, 130}) {
      for (const int64_t width : {1, 6, 8, 65, 259, 768}) cases.push_back({type, rows, width});
    }
    cases.push_back({type, 8300, 5});  // more rows than partial sums of 64
  }
  return cases;
}

class RmsNormTest : public testing::TestWithParam<NormCase> {
 protected:
  Rig rig_;
  const DType type_ = GetParam().type;
  const int64_t rows_ = GetParam().rows, width_ = GetParam().width;
  Array x_ = RandomArray(type_, rows_*width_, "x"), w_ = RandomArray(type_, width_, "w");

  Doubles Rstds() {
    const Doubles x = x_.values();
    Doubles rstd(static_cast<size_t>(rows_));
    for (size_t r = 0; r < rstd.size(); ++r)
      rstd[r] = reference::Rstd(&x[r * static_cast<size_t>(width_)], static_cast<size_t>(width_), kEpsilon);
    return rstd;
  }
};

// rstd: the sum of squares has no cancellation, so its relative error is at most width / lanes units, halved by the root; 16 are
// ample here. y: in f32 two more products; in bf16 two roundings, x * rstd and then the product with w.
TEST_P(RmsNormTest, Forward) {
  Array y(type_, rows_ * width_), rstd(DType::kF32, rows_);
  rig_.Run(&Ops::RmsNorm, {type_, rows_, width_, static_cast<float>(kEpsilon), x_.data(), w_.data(), y.data(), rstd.floats()});
  ExpectNear(rstd, Rstds(), 16, 0, 0, "rstd");
  ExpectNear(y, reference::RmsNorm(x_.values(), w_.values(), kEpsilon), type_ == DType::kF32 ? 18 : 2.05, 0, 0, "y");
}

TEST_P(RmsNormTest, Bf16RoundsTheNormedValueBeforeTheWeight) {
  if (type_ != DType::kBF16) GTEST_SKIP() << "f32 rounds nothing";
  Array y(type_, rows_ * width_), rstd(DType::kF32, rows_);
  rig_.Run(&Ops::RmsNorm, {type_, rows_, width_, static_cast<float>(kEpsilon), x_.data(), w_.data(), y.data(), rstd.floats()});
  for (size_t i = 0; i < y.size(); ++i) {
    const size_t row = i / static_cast<size_t>(width_);
    const float normed = Bf16ToFloat(FloatToBf16(static_cast<float>(x_[i]) * static_cast<float>(rstd[row])));
    ASSERT_EQ(y[i], Bf16ToFloat(FloatToBf16(normed * static_cast<float>(w_[i % static_cast<size_t>(width_)])))) << i;
  }
}

// Scale of a row's dx: rstd times the sizes that meet in its sum; 64 units are ample for a dot product over at most 768 in lanes.
TEST_P(RmsNormTest, BackwardInEveryAliasing) {
  const Doubles exact = Rstds();
  Array dy = RandomArray(type_, rows_ * width_, "dy"), residual = RandomArray(type_, rows_ * width_, "residual");
  Array rstd(DType::kF32, exact);
  const auto width = static_cast<size_t>(width_);
  Doubles dx_exact(x_.size()), dw_exact(width), dw_size(width);
  const Doubles x = x_.values(), w = w_.values(), d = dy.values(), stored = rstd.values();
  double scale = 0;
  const double most_x = MaxAbs(x), most_dw = MaxAbs(d) * MaxAbs(w);
  for (size_t r = 0; r < exact.size(); ++r) {
    reference::RmsNormBackwardRow(&x[r * width], w.data(), &d[r * width], width, stored[r], &dx_exact[r * width],
                                  dw_exact.data());
    for (size_t i = 0; i < width; ++i) {
      dw_size[i] += std::abs(d[r * width + i] * x[r * width + i] * stored[r]);
      scale =
          std::max(scale, stored[r] * (1 + std::abs(x[r * width + i] * stored[r])) * most_dw * std::max(1.0, most_x * stored[r]));
    }
  }
  for (const int residuals : {0, 1, 2}) {        // none, apart, dx in its place
    for (const bool in_place : {false, true}) {  // dx in the place of dy
      if (residuals == 2 && in_place) continue;
      for (const bool accumulate : {false, true}) {
        const Array old = RandomArray(DType::kF32, width_, "old dw");
        Array r_copy = residual, dy_copy = dy, apart(type_, rows_ * width_), dw = accumulate ? old : Array(DType::kF32, width_);
        Array& dx = residuals == 2 ? r_copy : in_place ? dy_copy : apart;
        RmsNormBackwardArgs args;
        args.type = type_;
        args.rows = rows_;
        args.width = width_;
        args.x = x_.data();
        args.w = w_.data();
        args.rstd = rstd.floats();
        args.dy = dy_copy.data();
        args.residual = residuals > 0 ? r_copy.data() : nullptr;
        args.dx = dx.data();
        args.dw = dw.floats();
        args.accumulate = accumulate;
        rig_.Run(&Ops::RmsNormBackward, args);
        Doubles expected = dx_exact, expected_w = dw_exact;
        for (size_t i = 0; residuals > 0 && i < expected.size(); ++i) expected[i] += residual[i];
        for (size_t i = 0; accumulate && i < width; ++i) expected_w[i] += old[i];
        ExpectNear(dx, expected, 1, 64, scale + MaxAbs(expected), "dx");
        // Rows are added in two levels of at most 128: some 200 units of the sum of sizes at the very most.
        ExpectWithin(
            dw, expected_w, [&](size_t i) { return 200 * kFloatUnit * (dw_size[i] + std::abs(expected_w[i])); }, "dw");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RmsNormTest, testing::ValuesIn(NormCases()));

struct RotaryCase {
  DType type;
  bool norm;
  int64_t tokens, heads, kv_heads, dim;
};
std::ostream& operator<<(std::ostream& out, const RotaryCase& c) {
  return out << Name(c.type) << (c.norm ? "_norm_" : "_") << c.tokens << "x" << c.heads << "_" << c.kv_heads << "x" << c.dim;
}

std::vector<RotaryCase> RotaryCases() {
  std::vector<RotaryCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const bool norm : {false, true}) {
      for (const int64_t tokens : {1, 3, 17, 130}) {
        for (const auto& [heads, kv_heads, dim] :
             {std::tuple<int64_t, int64_t, int64_t>{1, 1, 2}, {3, 1, 6}, {4, 2, 64}, {2, 2, 80}, {2, 1, 128}}) {
          cases.push_back({type, norm, tokens, heads, kv_heads, dim});
        }
      }
    }
  }
  return cases;
}

class QkRotaryTest : public testing::TestWithParam<RotaryCase> {
 protected:
  QkRotaryTest() {
    for (int64_t t = 0; t < c_.tokens; ++t) positions_.push_back(static_cast<int32_t>((t * 7) % kRows));
    Doubles table;
    for (int64_t p = 0; p < kRows; ++p) {
      for (int part = 0; part < 2; ++part) {
        for (int64_t i = 0; i < c_.dim / 2; ++i) {
          const double angle =
              static_cast<double>(p) * std::pow(1e4, -2.0 * static_cast<double>(i) / static_cast<double>(c_.dim));
          table.push_back(part == 0 ? std::cos(angle) : std::sin(angle));
        }
      }
    }
    table_ = Array(DType::kF32, table);
  }

  static constexpr int64_t kRows = 40;
  Rig rig_;
  const RotaryCase c_ = GetParam();
  const reference::Heads h_{static_cast<size_t>(c_.heads), static_cast<size_t>(c_.kv_heads), static_cast<size_t>(c_.dim)};
  const int64_t width_ = (c_.heads + 2 * c_.kv_heads) * c_.dim, turned_ = c_.heads + c_.kv_heads;
  std::vector<int32_t> positions_;
  Array table_{DType::kF32, 0};
  Array q_norm_ = RandomArray(c_.type, c_.dim, "q_norm"), k_norm_ = RandomArray(c_.type, c_.dim, "k_norm");
  Doubles Norm(Array& norm) { return c_.norm ? norm.values() : Doubles(); }
};

TEST_P(QkRotaryTest, Forward) {
  const Array input = RandomArray(c_.type, c_.tokens * width_, "qkv");
  Array qkv = input, raw(c_.type, c_.tokens * turned_ * c_.dim), rstd(DType::kF32, c_.tokens * turned_);
  QkRotaryArgs args;
  args.type = c_.type;
  args.tokens = c_.tokens;
  args.heads = c_.heads;
  args.kv_heads = c_.kv_heads;
  args.head_dim = c_.dim;
  args.epsilon = static_cast<float>(kEpsilon);
  args.qkv = qkv.data();
  args.positions = positions_.data();
  args.table = table_.floats();
  if (c_.norm) {
    args.q_norm = q_norm_.data();
    args.k_norm = k_norm_.data();
    args.qk_raw = raw.data();
    args.qk_rstd = rstd.floats();
  }
  rig_.Run(&Ops::QkRotary, args);
  Doubles expected = input.values();
  reference::QkRotary(&expected, h_, positions_, table_.values(), Norm(q_norm_), Norm(k_norm_), kEpsilon);
  // A result mixes two elements of the head, each rounded (twice with a norm) before: units of the largest, not of itself.
  const double before = c_.type == DType::kF32 ? 24 : c_.norm ? 2 * 2.05 * 0x1p16 : 2;
  ExpectNear(qkv, expected, 1, before, MaxAbs(expected), "qkv");
  for (int64_t t = 0; t < c_.tokens; ++t) {
    for (int64_t i = turned_ * c_.dim; i < width_; ++i) {
      ASSERT_EQ(qkv[static_cast<size_t>(t * width_ + i)], input[static_cast<size_t>(t * width_ + i)]) << "a value was touched";
    }
    for (int64_t i = 0; c_.norm && i < turned_ * c_.dim; ++i) {
      ASSERT_EQ(raw[static_cast<size_t>(t * turned_ * c_.dim + i)], input[static_cast<size_t>(t * width_ + i)]) << "raw copy";
    }
  }
  EXPECT_TRUE(raw.GuardsIntact() && rstd.GuardsIntact());
}

TEST_P(QkRotaryTest, Backward) {
  const Array input = RandomArray(c_.type, c_.tokens * width_, "dqkv");
  Array raw = RandomArray(c_.type, c_.tokens * turned_ * c_.dim, "raw"), rstd(DType::kF32, c_.tokens * turned_);
  const Doubles raw_values = raw.values();
  Doubles rstds(rstd.size());
  for (size_t i = 0; i < rstds.size(); ++i) rstds[i] = reference::Rstd(&raw_values[i * h_.dim], h_.dim, kEpsilon);
  rstd = Array(DType::kF32, rstds);
  for (const bool accumulate : {false, true}) {
    const Array old = RandomArray(DType::kF32, c_.dim, "old");
    Array dqkv = input, dq = accumulate ? old : Array(DType::kF32, c_.dim), dk = dq;
    QkRotaryBackwardArgs args;
    args.type = c_.type;
    args.tokens = c_.tokens;
    args.heads = c_.heads;
    args.kv_heads = c_.kv_heads;
    args.head_dim = c_.dim;
    args.dqkv = dqkv.data();
    args.positions = positions_.data();
    args.table = table_.floats();
    if (c_.norm) {
      args.q_norm = q_norm_.data();
      args.k_norm = k_norm_.data();
      args.qk_raw = raw.data();
      args.qk_rstd = rstd.floats();
      args.dq_norm = dq.floats();
      args.dk_norm = dk.floats();
      args.accumulate = accumulate;
    }
    rig_.Run(&Ops::QkRotaryBackward, args);
    Doubles expected = input.values(), dq_expected(h_.dim), dk_expected(h_.dim);
    reference::QkRotaryBackward(&expected, h_, positions_, table_.values(), Norm(q_norm_), Norm(k_norm_), raw_values,
                                rstd.values(), &dq_expected, &dk_expected);
    // The gradient of a head with a small norm is large and the difference of large terms: rstd is in the scale.
    const double scale =
        (MaxAbs(expected) + 2 * MaxAbs(input.values())) * (c_.norm ? 1 + MaxAbs(rstds) * MaxAbs(q_norm_.values()) : 1);
    ExpectNear(dqkv, expected, 1, 32, scale, "dqkv");
    if (!c_.norm) continue;
    for (size_t i = 0; accumulate && i < h_.dim; ++i) dq_expected[i] += old[i], dk_expected[i] += old[i];
    const double terms = static_cast<double>(c_.tokens * c_.heads);
    ExpectNear(dq, dq_expected, 0, 100, std::sqrt(terms) * 4 * MaxAbs(input.values()), "dq_norm");
    ExpectNear(dk, dk_expected, 0, 100, std::sqrt(terms) * 4 * MaxAbs(input.values()), "dk_norm");
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, QkRotaryTest, testing::ValuesIn(RotaryCases()));

}  // namespace
}  // namespace hlm
