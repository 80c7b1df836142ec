// What became of a data set's records beside being read, and what ends its turns: as hlm_dataset_describe tells it, for people.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_ACCOUNT_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_ACCOUNT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "samples/horizon/base/json.h"

namespace horizon {

// The table of all that was dropped, cut, left unused or repaired, a line each behind a heading; empty where there is nothing to
// tell.
std::vector<std::string> AccountLines(const Json& description);

// That some or all turns do not end with a token that a generation can stop at; "" where all do.
std::string WithoutStop(int64_t turns, int64_t without_stop);

// What a tuned model must stop at beside what the model's folder says, from the descriptions of both.
struct Stops {
  std::vector<int32_t> ids;  // to be added; empty: nothing is
  std::string text;          // for people; "": there is nothing to say
};
Stops StopsOf(const Json& model, const Json& dataset);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_ACCOUNT_H_
