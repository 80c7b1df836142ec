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
std::vector<OpCase> ConvCases();
std::vector<OpCase> RecurrenceCases();
std::vector<OpCase> ScanCases();
std::vector<OpCase> LossCases();  // embeddings and the loss
std::vector<OpCase> RouteCases();
std::vector<OpCase> ExpertCases();
std::vector<OpCase> FactorCases();
std::vector<OpCase> PartCases();

// Of real sizes, for the third mode.
std::vector<OpCase> NormSpeedCases(size_t tokens);
std::vector<OpCase> RotarySpeedCases(size_t tokens);
std::vector<OpCase> AttentionSpeedCases(size_t tokens);
std::vector<OpCase> ActivationSpeedCases(size_t tokens);
std::vector<OpCase> ConvSpeedCases(size_t tokens);
std::vector<OpCase> RecurrenceSpeedCases(size_t tokens);
std::vector<OpCase> ScanSpeedCases(size_t tokens);
std::vector<OpCase> RouteSpeedCases(size_t tokens);
std::vector<OpCase> GroupedSpeedCases(size_t rows);  // of an expert, on the mean

}  // namespace hlm::ops_test

#endif  // HORIZON_LM_TESTS_OPS_CASES_H_
