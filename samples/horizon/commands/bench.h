// The kinds of `horizon bench`.
#ifndef HORIZON_LM_SAMPLES_HORIZON_COMMANDS_BENCH_H_
#define HORIZON_LM_SAMPLES_HORIZON_COMMANDS_BENCH_H_

#include "samples/horizon/options/options.h"

namespace horizon {

// The tokens of documents alone count, and their updates are in the time.
int RunPackingBench(const Options& options);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_COMMANDS_BENCH_H_
