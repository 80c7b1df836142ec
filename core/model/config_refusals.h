// Settings that would change the mathematics of a model: refused by name, never ignored.
#ifndef HORIZON_LM_CORE_MODEL_CONFIG_REFUSALS_H_
#define HORIZON_LM_CORE_MODEL_CONFIG_REFUSALS_H_

#include <string>

#include "core/model/config_values.h"

namespace hlm {

// Throws UNIMPLEMENTED naming the first setting that the family did not ask for and that is on: another activation, dropout, quantised
// weights, experts, soft capping, multipliers, partial rotary embeddings, custom code ... A key with the value that switches it off is
// harmless, and so is a key that is not known here.
void RefuseUntaken(const ConfigValues& config, const std::string& architecture);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_CONFIG_REFUSALS_H_
