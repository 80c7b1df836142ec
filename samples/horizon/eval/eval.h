// horizon eval and horizon logprobs: what a model says of data.
#ifndef HORIZON_LM_SAMPLES_HORIZON_EVAL_EVAL_H_
#define HORIZON_LM_SAMPLES_HORIZON_EVAL_EVAL_H_

#include "samples/horizon/options/options.h"

namespace horizon {

// Each returns the process's exit status and throws Error or UsageError.
int RunEval(const Options& options);
int RunLogprobs(const Options& options);

// The kinds of eval --task.
int RunPerplexity(const Options& options);
int RunChoice(const Options& options);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_EVAL_EVAL_H_
