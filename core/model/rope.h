// The rotary settings of a config.json, in both spellings.
#ifndef HORIZON_LM_CORE_MODEL_ROPE_H_
#define HORIZON_LM_CORE_MODEL_ROPE_H_

#include <cstdint>

#include "core/model/config_values.h"
#include "core/model/spec.h"

namespace hlm {

// Reads `rope_theta` with `rope_scaling` (its legacy key "type" too), or `rope_parameters`. Types: default, linear, llama3; every
// other type, and settings by layer type, are UNIMPLEMENTED. A file that says two different things is INVALID_ARGUMENT.
RopeSpec ParseRope(const ConfigValues& config, int64_t max_positions);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_ROPE_H_
