// What a trace says in a few figures: which lane was at work for how long, what the compute stream waited for.
#ifndef HORIZON_LM_SAMPLES_HORIZON_REPORT_TRACE_H_
#define HORIZON_LM_SAMPLES_HORIZON_REPORT_TRACE_H_

#include "samples/horizon/base/json.h"

namespace horizon {

// From a trace (Chrome's JSON): {"seconds": from its first to its last span, "lanes": [{"name", "busy_seconds", "spans": [[begin, end],
// ...] in seconds}], "compute_stream": as IdleOf}. Lanes without a span are left out. Spans that a picture cannot tell apart are
// joined; busy_seconds is exact.
Json SummaryOf(const Json& trace);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_REPORT_TRACE_H_
