// What must be the same for a run to go on from a checkpoint.
#ifndef HORIZON_LM_CORE_SAVE_IDENTITY_H_
#define HORIZON_LM_CORE_SAVE_IDENTITY_H_

#include <string>

#include "core/io/json_value.h"
#include "core/model/spec.h"

namespace hlm {

// The mathematics of a model, as JSON.
JsonValue ModelIdentity(const ModelSpec& spec);

// FAILED_PRECONDITION naming `path`, `what` ("model"), the first key that differs, and both values; a key that one side lacks
// differs.
void CheckSame(const std::string& path, const char* what, const JsonValue& stored, const JsonValue& own);

// The same for the numerics of a plan. What the stored state itself depends on (compute, algorithm, states, master, which tensors train)
// must be the same; the rest may differ where the caller allows it.
void CheckSameNumerics(const std::string& path, const JsonValue& stored, const JsonValue& own, bool allow_change);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_IDENTITY_H_
