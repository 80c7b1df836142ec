// horizon plan --compare: the states, masters and timings there are to choose, side by side.
#ifndef HORIZON_LM_SAMPLES_HORIZON_COMMANDS_COMPARE_H_
#define HORIZON_LM_SAMPLES_HORIZON_COMMANDS_COMPARE_H_

#include <cstdint>

#include "samples/horizon/base/json.h"
#include "samples/horizon/run/engine.h"

namespace horizon {

// An object for each choice, the most exact first; rows of `seq_len` tokens. Whatever is asked for by name is not varied.
Json ComparePlans(const Model& model, const Options& options, int64_t seq_len);

void PrintComparison(const Json& rows);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_COMMANDS_COMPARE_H_
