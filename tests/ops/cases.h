// The lists of cases, by kind of operation.
#ifndef HORIZON_LM_TESTS_OPS_CASES_H_
#define HORIZON_LM_TESTS_OPS_CASES_H_

#include <vector>

#include "tests/ops/op_case.h"

namespace hlm::ops_test {

std::vector<OpCase> NormCases();
std::vector<OpCase> RotaryCases();
std::vector<OpCase> AttentionCases();
std::vector<OpCase> ActivationCases();
std::vector<OpCase> LossCases();  // embeddings and the loss

}  // namespace hlm::ops_test

#endif  // HORIZON_LM_TESTS_OPS_CASES_H_
