// A specification as JSON: what a checkpoint is told apart by.
#ifndef HORIZON_LM_CORE_MODEL_SPEC_JSON_H_
#define HORIZON_LM_CORE_MODEL_SPEC_JSON_H_

#include <string>

#include "core/model/spec.h"

namespace hlm {

// Models of the first four families are written as their first checkpoints were, so that those are still read; others with all that
// their blocks consist of.
std::string SpecJson(const ModelSpec& spec);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_SPEC_JSON_H_
