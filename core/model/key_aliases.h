// Keys of config.json that a family's class in transformers knows by a second name.
#ifndef HORIZON_LM_CORE_MODEL_KEY_ALIASES_H_
#define HORIZON_LM_CORE_MODEL_KEY_ALIASES_H_

#include "core/io/json_text.h"

namespace hlm {

// Gives the members of a configuration the names that its family reads, by its model_type. A key that stands there under both names is
// left as it is. What is written back to a folder is the text as it was.
void RenameAliases(JsonValue& config);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_KEY_ALIASES_H_
