// RMS norm and the rotary embedding on the GPU against the CPU device's.
#include <ostream>
#include <tuple>

#include "tests/cuda/gpu.h"

namespace hlm {
namespace {

constexpr float kEpsilon = 1e-5f;

struct NormCase {
  DType type;
  int64_t rows, width;
};
std::ostream& operator<<(std::ostream& out, const NormCase& c) { return out << Name(c.type) << "_" << c.rows << "x" << c.width; }

std::vector<NormCase> NormCases() {
  std::vector<NormCase> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const int64_t rows : {1, 3, 17, 130}) {
      for (const int64_t width : {8, 24, 64, 96, 128, 256}) cases.push_back({type, rows, width});
    }
    for (const auto& [rows, width] : {std::pair<int64_t, int64_t>{1000, 64}, {130, 3584}, {17, 8192}, {3, 18944}, {5, 4104}}) {
      cases.push_back({type, rows, width});
    }
  }
  return cases;
}

class RmsNormTest : public OpsTest, public testing::WithParamInterface<NormCase> {
 protected:
  void Forward(Twin* x, Twin* w, Twin* y, Twin* rstd) {
    RunBoth(&Ops::RmsNorm, {x, w, y, rstd}, [&](Side s) {
      return RmsNormArgs{.type = type_,
                         .rows = rows_,
                         .width = width_,
                         .epsilon = kEpsilon,
                         .x = x->on(s),
                         .w = w->on(s),
                         .y = y->on(s),
                         .rstd = rstd->floats(s)};
    });
  }
  const DType type_ = GetParam().type;
  const int64_t rows_ = GetParam().rows, width_ = GetParam().width;
};

// bf16: x * rstd is rounded before the product with w, so two roundings may fall to neighbours.
TEST_P(RmsNormTest, Forward) {
  Twin x = Twin::Random(type_, rows_ * width_, "x", 2), w = Twin::Random(type_, width_, "w");
  Twin y = Twin::Output(type_, rows_ * width_), rstd = Twin::Output(DType::kF32, rows_);
  Forward(&x, &w, &y, &rstd);
  ExpectClose(y, type_ == DType::kF32 ? kFloatBound : RoundedBound(2), "y");
  ExpectClose(rstd, kFloatBound, "rstd");
}

TEST_P(RmsNormTest, ARowOfZerosAndARowOfLargeNumbers) {
  Floats values = Randoms(rows_ * width_, "x");
  for (size_t i = 0; i < static_cast<size_t>(width_); ++i) {
    values[i] = 0;
    values[values.size() - 1 - i] = rows_ > 1 ? 1e15f : 0;
  }
  Twin x = Twin::Input(type_, values), w = Twin::Random(type_, width_, "w");
  Twin y = Twin::Output(type_, rows_ * width_), rstd = Twin::Output(DType::kF32, rows_);
  Forward(&x, &w, &y, &rstd);
  ExpectClose(y, type_ == DType::kF32 ? kFloatBound : RoundedBound(2), "y");
  ExpectClose(rstd, kFloatBound, "rstd");
}

TEST_P(RmsNormTest, BackwardInEveryAliasing) {
  const Floats dys = Randoms(rows_ * width_, "dy"), residuals = Randoms(rows_ * width_, "residual");
  Twin x = Twin::Random(type_, rows_ * width_, "x", 2), w = Twin::Random(type_, width_, "w");
  Twin y = Twin::Output(type_, rows_ * width_), made = Twin::Output(DType::kF32, rows_);
  Forward(&x, &w, &y, &made);
  Twin rstd = Twin::Input(DType::kF32, made.cpu());
  for (const int residual : {0, 1, 2}) {         // none, apart, dx in its place
    for (const bool in_place : {false, true}) {  // dx in the place of dy
      if (residual == 2 && in_place) continue;
      for (const bool accumulate : {false, true}) {
        if (rows_ * width_ > 100000 && accumulate != (residual != 1)) continue;
        Twin dy = Twin::Input(type_, dys), rest = Twin::Input(type_, residuals);
        Twin dx = residual == 2 ? Twin::Both(type_, residuals)
                  : in_place    ? Twin::Both(type_, dys)
                                : Twin::Output(type_, rows_ * width_);
        Twin dw = accumulate ? Twin::Both(DType::kF32, Randoms(width_, "old")) : Twin::Output(DType::kF32, width_);
        RunBoth(&Ops::RmsNormBackward, {&x, &w, &rstd, &dy, &rest, &dx, &dw}, [&](Side s) {
          return RmsNormBackwardArgs{.type = type_,
                                     .rows = rows_,
                                     .width = width_,
                                     .x = x.on(s),
                                     .w = w.on(s),
                                     .rstd = rstd.floats(s),
                                     .dy = in_place ? dx.on(s) : dy.on(s),
                                     .residual = residual == 0   ? nullptr
                                                 : residual == 1 ? rest.on(s)
                                                                 : dx.on(s),
                                     .dx = dx.on(s),
                                     .dw = dw.floats(s),
                                     .accumulate = accumulate};
        });
        const std::string options = StrCat(", residual ", residual, ", in place ", in_place, ", accumulate ", accumulate);
        ExpectClose(dx, BoundOf(type_), "dx" + options);
        ExpectClose(dw, kFloatBound, "dw" + options);
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
        for (const auto& [heads, kv_heads, dim] : {std::tuple<int64_t, int64_t, int64_t>{1, 1, 8},
                                                   {3, 1, 24},
                                                   {4, 2, 64},
                                                   {2, 2, 80},
                                                   {6, 3, 96},
                                                   {2, 1, 128},
                                                   {3, 3, 256}}) {
          cases.push_back({type, norm, tokens, heads, kv_heads, dim});
        }
      }
      cases.push_back({type, norm, 1000, 28, 4, 128});
      cases.push_back({type, norm, 17, 64, 8, 128});
      cases.push_back({type, norm, 1000, 1, 1, 8});
    }
  }
  return cases;
}

class QkRotaryTest : public OpsTest, public testing::WithParamInterface<RotaryCase> {
 protected:
  static constexpr int64_t kRows = 40;  // of the table

  std::vector<int32_t> Positions() const {
    std::vector<int32_t> positions;
    for (int64_t t = 0; t < c_.tokens; ++t) positions.push_back(static_cast<int32_t>((t * 7) % kRows));
    return positions;
  }
  Floats Table() const {
    Floats table;
    for (int64_t p = 0; p < kRows; ++p) {
      for (int part = 0; part < 2; ++part) {
        for (int64_t i = 0; i < c_.dim / 2; ++i) {
          const double angle =
              static_cast<double>(p) * std::pow(1e4, -2.0 * static_cast<double>(i) / static_cast<double>(c_.dim));
          table.push_back(static_cast<float>(part == 0 ? std::cos(angle) : std::sin(angle)));
        }
      }
    }
    return table;
  }
  void Forward(Twin* qkv, Twin* raw, Twin* rstd) {
    Twin positions = Twin::Input(Positions()), table = Twin::Input(DType::kF32, Table());
    Twin q_norm = Twin::Random(c_.type, c_.dim, "q_norm"), k_norm = Twin::Random(c_.type, c_.dim, "k_norm");
    RunBoth(&Ops::QkRotary, {&positions, &table, &q_norm, &k_norm, qkv, raw, rstd}, [&](Side s) {
      return QkRotaryArgs{.type = c_.type,
                          .tokens = c_.tokens,
                          .heads = c_.heads,
                          .kv_heads = c_.kv_heads,
                          .head_dim = c_.dim,
                          .epsilon = kEpsilon,
                          .qkv = qkv->on(s),
                          .positions = positions.ints(s),
                          .table = table.floats(s),
                          .q_norm = c_.norm ? q_norm.on(s) : nullptr,
                          .k_norm = c_.norm ? k_norm.on(s) : nullptr,
                          .qk_raw = c_.norm ? raw->on(s) : nullptr,
                          .qk_rstd = c_.norm ? rstd->floats(s) : nullptr};
    });
  }
  // The value parts, which no operation here may touch.
  void ExpectValuesUntouched(const Twin& qkv) const {
    const Floats before = qkv.start(), after = qkv.gpu();
    for (size_t t = 0; t < static_cast<size_t>(c_.tokens); ++t) {
      for (auto i = static_cast<size_t>(turned_ * c_.dim); i < static_cast<size_t>(width_); ++i) {
        const size_t at = t * static_cast<size_t>(width_) + i;
        ASSERT_EQ(after[at], before[at]) << "token " << t << ", column " << i;
      }
    }
  }
  const RotaryCase c_ = GetParam();
  const int64_t width_ = (c_.heads + 2 * c_.kv_heads) * c_.dim, turned_ = c_.heads + c_.kv_heads;
};

// A result mixes two elements of a head. With a norm both were rounded twice before (to bf16, each perhaps to a neighbour, 2^-7
// of their size): that is in units of the largest, not of the result.
TEST_P(QkRotaryTest, Forward) {
  Twin qkv = Twin::Both(c_.type, Randoms(c_.tokens * width_, "qkv")), raw = Twin::Output(c_.type, c_.tokens * turned_ * c_.dim);
  Twin rstd = Twin::Output(DType::kF32, c_.tokens * turned_);
  Forward(&qkv, &raw, &rstd);
  const Bound bf16 = c_.norm ? RoundedBound(1, 0x1p-6) : RoundedBound();
  ExpectClose(qkv, c_.type == DType::kF32 ? kFloatBound : bf16, "qkv");
  ExpectValuesUntouched(qkv);
  ExpectSame(raw, "qk_raw");  // a copy, or not touched
  if (c_.norm) {
    ExpectClose(rstd, kFloatBound, "qk_rstd");
  } else {
    ExpectSame(rstd, "qk_rstd, which was not given");
  }
}

TEST_P(QkRotaryTest, Backward) {
  Twin qkv = Twin::Both(c_.type, Randoms(c_.tokens * width_, "qkv")),
       raw_made = Twin::Output(c_.type, c_.tokens * turned_ * c_.dim);
  Twin rstd_made = Twin::Output(DType::kF32, c_.tokens * turned_);
  Forward(&qkv, &raw_made, &rstd_made);
  Twin raw = Twin::Input(c_.type, raw_made.cpu()), rstd = Twin::Input(DType::kF32, rstd_made.cpu());
  Twin positions = Twin::Input(Positions()), table = Twin::Input(DType::kF32, Table());
  Twin q_norm = Twin::Random(c_.type, c_.dim, "q_norm"), k_norm = Twin::Random(c_.type, c_.dim, "k_norm");
  for (const bool accumulate : {false, true}) {
    if (accumulate && !c_.norm) continue;
    const auto gradient = [&](const char* name) {
      return accumulate ? Twin::Both(DType::kF32, Randoms(c_.dim, name)) : Twin::Output(DType::kF32, c_.dim);
    };
    Twin dqkv = Twin::Both(c_.type, Randoms(c_.tokens * width_, "dqkv")), dq = gradient("old dq"), dk = gradient("old dk");
    RunBoth(&Ops::QkRotaryBackward, {&raw, &rstd, &positions, &table, &q_norm, &k_norm, &dqkv, &dq, &dk}, [&](Side s) {
      return QkRotaryBackwardArgs{.type = c_.type,
                                  .tokens = c_.tokens,
                                  .heads = c_.heads,
                                  .kv_heads = c_.kv_heads,
                                  .head_dim = c_.dim,
                                  .dqkv = dqkv.on(s),
                                  .positions = positions.ints(s),
                                  .table = table.floats(s),
                                  .q_norm = c_.norm ? q_norm.on(s) : nullptr,
                                  .k_norm = c_.norm ? k_norm.on(s) : nullptr,
                                  .qk_raw = c_.norm ? raw.on(s) : nullptr,
                                  .qk_rstd = c_.norm ? rstd.floats(s) : nullptr,
                                  .dq_norm = c_.norm ? dq.floats(s) : nullptr,
                                  .dk_norm = c_.norm ? dk.floats(s) : nullptr,
                                  .accumulate = accumulate};
    });
    ExpectClose(dqkv, BoundOf(c_.type), StrCat("dqkv, accumulate ", accumulate));
    ExpectValuesUntouched(dqkv);
    if (!c_.norm) continue;
    ExpectClose(dq, kFloatBound, StrCat("dq_norm, accumulate ", accumulate));
    ExpectClose(dk, kFloatBound, StrCat("dk_norm, accumulate ", accumulate));
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, QkRotaryTest, testing::ValuesIn(RotaryCases()));

}  // namespace
}  // namespace hlm
