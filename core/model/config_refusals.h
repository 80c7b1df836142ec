// Settings that would change the mathematics of a model: refused by name, never ignored.
#ifndef HORIZON_LM_CORE_MODEL_CONFIG_REFUSALS_H_
#define HORIZON_LM_CORE_MODEL_CONFIG_REFUSALS_H_

#include <string>

#include "core/model/config_values.h"
#include "core/model/spec.h"

namespace hlm {

// A dropout above 0 goes into the specification; a plan for training is refused by it.
void NoteDropout(const ConfigValues& config, const char* key, ModelSpec& spec);

// Throws UNIMPLEMENTED naming the settings that the family did not ask for and that are on: another activation, quantised weights,
// experts, soft capping, multipliers, partial rotary embeddings, custom code ... A key with the value that switches it off is
// harmless, and so is a key that is not known here. Dropouts are noted.
void RefuseUntaken(const ConfigValues& config, const std::string& architecture, ModelSpec& spec);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_CONFIG_REFUSALS_H_
