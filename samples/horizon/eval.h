// The kinds of `horizon eval`.
#ifndef HORIZON_LM_SAMPLES_HORIZON_EVAL_H_
#define HORIZON_LM_SAMPLES_HORIZON_EVAL_H_

#include "samples/horizon/options.h"

namespace horizon {

int RunPerplexity(const Options& options);
int RunChoice(const Options& options);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_EVAL_H_
