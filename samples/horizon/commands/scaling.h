// What more devices and more machines bring: the plan for each number of them.
#ifndef HORIZON_LM_SAMPLES_HORIZON_COMMANDS_SCALING_H_
#define HORIZON_LM_SAMPLES_HORIZON_COMMANDS_SCALING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "samples/horizon/base/json.h"
#include "samples/horizon/options/options.h"
#include "samples/horizon/run/engine.h"

namespace horizon {

// The names in a list of devices: "cuda:0-2,cuda:5" has four, "cpu:4" as well.
std::vector<std::string> DeviceNames(const std::string& list);

// A row for 1, 2, 4 ... of the devices, then for all of them on 2, 4 ... machines up to --processes. "step": of the same step whatever
// shares it; "grown": of one with as many rows a device as the first has. Either says why not where there is no such plan.
Json ScalingOf(const Model& model, const Options& options, int64_t seq_len);
void PrintScaling(const Json& scaling);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_COMMANDS_SCALING_H_
