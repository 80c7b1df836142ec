#include <utility>

#include "tests/ops/cases.h"

namespace hlm::ops_test {

std::vector<OpCase> AllCases() {
  std::vector<OpCase> all;
  for (auto list : {NormCases, RotaryCases, AttentionCases, ActivationCases, ConvCases, RecurrenceCases, ScanCases, LossCases,
                    RouteCases, ExpertCases, FactorCases, PartCases}) {
    for (OpCase& c : list()) all.push_back(std::move(c));
  }
  return all;
}

std::vector<OpCase> SpeedCases(size_t tokens, const std::string& part) {
  std::vector<OpCase> all;
  for (auto list : {NormSpeedCases, RotarySpeedCases, AttentionSpeedCases, ActivationSpeedCases, ConvSpeedCases,
                    RecurrenceSpeedCases, ScanSpeedCases, RouteSpeedCases, GroupedSpeedCases}) {
    for (OpCase& c : list(tokens)) {
      if (c.name.find(part) != std::string::npos) all.push_back(std::move(c));
    }
  }
  return all;
}

}  // namespace hlm::ops_test
