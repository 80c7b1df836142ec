// Whether a save would succeed, found out before a training instead of after it.
#ifndef HORIZON_LM_CORE_MODEL_SAVE_CHECK_H_
#define HORIZON_LM_CORE_MODEL_SAVE_CHECK_H_

#include <cstdint>
#include <string>

#include "core/model/model.h"

namespace hlm {

// Throws what SaveFolder would throw for this folder, as far as it can be known: all of it but values and a disk that fills up or
// a folder that changes in the meantime. A file is written beside the target and removed again. The bytes that the folder will
// take. RESOURCE_EXHAUSTED naming both where fewer are free; FAILED_PRECONDITION for a mount point, which nothing can be renamed
// to.
int64_t CheckSave(const Model& model, const std::string& folder, const SaveOptions& options);

// The same for a directory of checkpoints, of which one takes so many bytes.
void CheckCheckpoints(const std::string& directory, int64_t bytes);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_SAVE_CHECK_H_
