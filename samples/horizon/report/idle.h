// How long the compute stream of a traced step did nothing, and what it waited for.
#ifndef HORIZON_LM_SAMPLES_HORIZON_REPORT_IDLE_H_
#define HORIZON_LM_SAMPLES_HORIZON_REPORT_IDLE_H_

#include "samples/horizon/base/json.h"

namespace horizon {

// From a trace (Chrome's JSON): {"seconds": from the first to the last span of the compute lane, "idle_seconds": between spans,
// "idle": {what came after each gap, by kind: seconds}}.
Json IdleOf(const Json& trace);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_REPORT_IDLE_H_
