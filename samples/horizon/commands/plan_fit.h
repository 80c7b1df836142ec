// horizon plan, where a plan does not fit: what it would take, and by which of the command's options it would fit.
#ifndef HORIZON_LM_SAMPLES_HORIZON_COMMANDS_PLAN_FIT_H_
#define HORIZON_LM_SAMPLES_HORIZON_COMMANDS_PLAN_FIT_H_

#include <cstdint>
#include <string>

#include "samples/horizon/base/json.h"
#include "samples/horizon/run/engine.h"

namespace horizon {

// The plan that would be made with all the memory that it needs; of the device too only where that is too little as well.
Plan PlanWithoutLimits(const Model& model, const Options& options, int64_t seq_len);

// {"short": [{"memory": "host", "needed_bytes", "usable_bytes"}], "alone": [{"options", "host_bytes", "device_bytes",
// "tokens_per_second"}], "together": one of these or null, "presets": [...]}: each of `alone` fits by itself; where none does, `together`
// are as few as are enough; the presets are those that fit as they are asked for.
Json HowItFits(const Model& model, const Options& options, int64_t seq_len);

void PrintHowItFits(const Json& how);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_COMMANDS_PLAN_FIT_H_
