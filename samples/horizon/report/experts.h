// How a mixture's tokens fell on its experts, as a picture: layers and experts over time.
#ifndef HORIZON_LM_SAMPLES_HORIZON_REPORT_EXPERTS_H_
#define HORIZON_LM_SAMPLES_HORIZON_REPORT_EXPERTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "samples/horizon/base/json.h"

namespace horizon {

// The tokens of each expert in one step: [layers][experts].
struct ExpertTokens {
  int64_t step = 0;
  std::vector<std::vector<double>> tokens;
};

// A line's "expert_tokens", which some steps have; false where it is no table of numbers.
bool ReadExpertTokens(const Json& table, std::vector<std::vector<double>>& tokens);

// A map of each of a few moments, the first and the last among them; "" without any.
std::string ExpertSection(const std::vector<ExpertTokens>& moments);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_REPORT_EXPERTS_H_
