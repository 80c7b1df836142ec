// A plan as sections of rows, for people: printed by `horizon plan`, and part of a run's report.
#ifndef HORIZON_LM_SAMPLES_HORIZON_REPORT_PLAN_TABLE_H_
#define HORIZON_LM_SAMPLES_HORIZON_REPORT_PLAN_TABLE_H_

#include <string>
#include <vector>

#include "samples/horizon/base/json.h"

namespace horizon {

struct PlanRow {
  std::string name, value;
  std::string note;  // exact bytes beside rounded ones
};

struct PlanSection {
  std::string title;
  std::vector<PlanRow> rows;
};

// Any value of the plan is shown: its keys grow with the library, and a new one should be seen without a change here.
std::vector<PlanSection> PlanTable(const Json& plan);

// "block_inputs" as "block inputs".
std::string Words(std::string key);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_REPORT_PLAN_TABLE_H_
