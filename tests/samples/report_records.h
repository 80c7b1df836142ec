// Runs that never were, to make reports of.
#ifndef HORIZON_LM_TESTS_SAMPLES_REPORT_RECORDS_H_
#define HORIZON_LM_TESTS_SAMPLES_REPORT_RECORDS_H_

#include "samples/horizon/report/page.h"

namespace horizon_test {

// A long run of a preference task with everything that a report has: many steps, one spike each way, values that are not finite, skipped
// steps, held-out values, a trace, a plan; and texts that would end the page if they were not escaped.
horizon::RunRecord LongRun(int64_t steps);

inline constexpr int64_t kSpike = 77777;  // LongRun's loss is 9.5 here and nowhere else near it
inline constexpr int64_t kDip = 33333;    // and 0.01 here
inline constexpr int64_t kNan = 50001, kInfinity = 50020;

inline constexpr char kHostile[] =
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'&\xff";

}  // namespace horizon_test

#endif  // HORIZON_LM_TESTS_SAMPLES_REPORT_RECORDS_H_
