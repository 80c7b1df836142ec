// The three products of a linear layer on the GPU against the CPU device's.
#include <ostream>

#include "tests/cuda/gpu.h"

namespace hlm {
namespace {

struct Case {
  DType type, y_type;
  int64_t tokens, in, out;
  bool few;  // options: a large shape
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << Name(c.type) << "_" << Name(c.y_type) << "_" << c.tokens << "x" << c.in << "x" << c.out;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const auto& [type, y_type] :
       {std::pair{DType::kF32, DType::kF32}, {DType::kBF16, DType::kBF16}, {DType::kBF16, DType::kF32}}) {
    for (const int64_t tokens : {1, 3, 17, 130}) {
      for (const auto& [in, out] : {std::pair<int64_t, int64_t>{8, 8}, {24, 64}, {64, 24}, {96, 256}, {256, 128}}) {
        cases.push_back({type, y_type, tokens, in, out, false});
      }
    }
    cases.push_back({type, y_type, 1000, 256, 1000, true});
    cases.push_back({type, y_type, 3, 8192, 256, true});
    cases.push_back({type, y_type, 17, 128, 18944, true});
    cases.push_back({type, y_type, 17, 18944, 96, true});
    // The head: a vocabulary may have any number of rows.
    if (y_type == DType::kF32) {
      for (const int64_t tokens : {1, 17, 130}) {
        for (const int64_t vocab : {1, 61, 1000}) cases.push_back({type, y_type, tokens, 64, vocab, false});
      }
      cases.push_back({type, y_type, 17, 64, 32001, true});
      cases.push_back({type, y_type, 3, 24, 152064, true});
    }
  }
  cases.push_back({DType::kBF16, DType::kBF16, 3, 3584, 18944, true});
  return cases;
}

class LinearTest : public OpsTest, public testing::WithParamInterface<Case> {
 protected:
  const Case c_ = GetParam();
  const DType type_ = c_.type;
  const int64_t t_ = c_.tokens, in_ = c_.in, out_ = c_.out;
};

TEST_P(LinearTest, ForwardWithAndWithoutBiasAndAddend) {
  Twin x = Twin::Random(type_, t_ * in_, "x"), w = Twin::Random(type_, out_ * in_, "w"), bias = Twin::Random(type_, out_, "bias");
  Twin addend = Twin::Input(c_.y_type, Randoms(t_ * out_, "addend"));
  for (const bool with_bias : {false, true}) {
    for (const bool add : {false, true}) {
      if (c_.few && add != with_bias) continue;
      Twin y = Twin::Output(c_.y_type, t_ * out_);
      RunBoth(&Ops::Linear, {&x, &w, &bias, &addend, &y}, [&](Side s) {
        return LinearArgs{.type = type_,
                          .y_type = c_.y_type,
                          .tokens = t_,
                          .in = in_,
                          .out = out_,
                          .x = x.on(s),
                          .w = w.on(s),
                          .bias = with_bias ? bias.on(s) : nullptr,
                          .addend = add ? addend.on(s) : nullptr,
                          .y = y.on(s)};
      });
      ExpectClose(y, BoundOf(c_.y_type), StrCat("y, bias ", with_bias, ", addend ", add));
    }
  }
}

TEST_P(LinearTest, BackwardInput) {
  Twin dy = Twin::Random(type_, t_ * out_, "dy"), w = Twin::Random(type_, out_ * in_, "w"), dx = Twin::Output(type_, t_ * in_);
  RunBoth(&Ops::LinearBackwardInput, {&dy, &w, &dx}, [&](Side s) {
    return LinearBackwardInputArgs{
        .type = type_, .tokens = t_, .in = in_, .out = out_, .dy = dy.on(s), .w = w.on(s), .dx = dx.on(s)};
  });
  ExpectClose(dx, BoundOf(type_), "dx");
}

TEST_P(LinearTest, BackwardWeightOverwritesAndAccumulates) {
  Twin dy = Twin::Random(type_, t_ * out_, "dy"), x = Twin::Random(type_, t_ * in_, "x");
  for (const bool accumulate : {false, true}) {
    for (const bool with_dbias : {false, true}) {
      if (c_.few && accumulate != with_dbias) continue;
      const auto gradient = [&](int64_t n, const char* name) {
        return accumulate ? Twin::Both(DType::kF32, Randoms(n, name)) : Twin::Output(DType::kF32, n);
      };
      Twin dw = gradient(out_ * in_, "old dw"), dbias = gradient(out_, "old dbias");
      RunBoth(&Ops::LinearBackwardWeight, {&dy, &x, &dw, &dbias}, [&](Side s) {
        return LinearBackwardWeightArgs{.type = type_,
                                        .tokens = t_,
                                        .in = in_,
                                        .out = out_,
                                        .dy = dy.on(s),
                                        .x = x.on(s),
                                        .dw = dw.floats(s),
                                        .dbias = with_dbias ? dbias.floats(s) : nullptr,
                                        .accumulate = accumulate};
      });
      ExpectClose(dw, kFloatBound, StrCat("dw, accumulate ", accumulate, ", dbias ", with_dbias));
      // Without one the array stays as it was, on both sides.
      if (with_dbias) {
        ExpectClose(dbias, kFloatBound, StrCat("dbias, accumulate ", accumulate));
      } else {
        ExpectSame(dbias, "dbias, of which nobody knows");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LinearTest, testing::ValuesIn(Cases()));

}  // namespace
}  // namespace hlm
