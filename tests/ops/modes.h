// The tests of the cases on one device: include after a function `hlm::ops_test::Rig* TheRig()`, null where there is no such
// device.
#ifndef HORIZON_LM_TESTS_OPS_MODES_H_
#define HORIZON_LM_TESTS_OPS_MODES_H_

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/ops/op_case.h"

namespace hlm::ops_test {

Rig* TheRig();
std::string NoRig();  // why TheRig is null

class OpTest : public testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override {
    if (TheRig() == nullptr) GTEST_SKIP() << NoRig();
  }
};

// Where the device refuses the case, why.
inline std::string Checked(void (*check)(Rig&, const OpCase&), const OpCase& c) {
  try {
    check(*TheRig(), c);
  } catch (const Error& error) {
    if (!c.may_be_refused || error.code() != Code::kUnimplemented) throw;
    return error.message();
  }
  return "";
}

TEST_P(OpTest, GivesWhatThePlainLoopGives) {
  if (const std::string why = Checked(CheckValue, GetParam()); !why.empty()) GTEST_SKIP() << why;
}
TEST_P(OpTest, HasTheGradientOfThePlainLoop) {
  if (const std::string why = Checked(CheckGradient, GetParam()); !why.empty()) GTEST_SKIP() << why;
}
TEST_P(OpTest, HasTheSameBitsWhateverLiesInTheWorkspace) {
  if (const std::string why = Checked(CheckSameBits, GetParam()); !why.empty()) GTEST_SKIP() << why;
}

class NarrowFormsTest : public testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    if (TheRig() == nullptr) GTEST_SKIP() << NoRig();
  }
};
TEST_P(NarrowFormsTest, HaveTheBitsOfTheWideOnes) { CheckNarrowForms(*TheRig(), GetParam()); }
INSTANTIATE_TEST_SUITE_P(Types, NarrowFormsTest, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& info) { return std::string(Name(info.param)); });

INSTANTIATE_TEST_SUITE_P(Cases, OpTest, testing::ValuesIn(AllCases()), [](const auto& info) { return info.param.name; });

}  // namespace hlm::ops_test

#endif  // HORIZON_LM_TESTS_OPS_MODES_H_
