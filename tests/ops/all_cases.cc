#include "tests/ops/cases.h"

namespace hlm::ops_test {

std::vector<OpCase> AllCases() {
  std::vector<OpCase> all;
  for (auto list : {NormCases, RotaryCases, AttentionCases, ActivationCases, ConvCases, RecurrenceCases, ScanCases, LossCases,
                    RouteCases, ExpertCases, FactorCases, PartCases}) {
    const std::vector<OpCase> more = list();
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

std::vector<OpCase> SpeedCases(size_t tokens) {
  std::vector<OpCase> all;
  for (auto list : {NormSpeedCases, RotarySpeedCases, AttentionSpeedCases, ActivationSpeedCases, ConvSpeedCases,
                    RecurrenceSpeedCases, ScanSpeedCases, RouteSpeedCases, GroupedSpeedCases}) {
    const std::vector<OpCase> more = list(tokens);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace hlm::ops_test
