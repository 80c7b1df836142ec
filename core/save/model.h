// A checkpoint as a model: its configuration, and its weights as the master holds them.
#ifndef HORIZON_LM_CORE_SAVE_MODEL_H_
#define HORIZON_LM_CORE_SAVE_MODEL_H_

#include <memory>
#include <string>

#include "core/model/model.h"

namespace hlm {

// Opens a checkpoint folder, or else a Hugging Face folder (Model::Open). The weights of a unit are verified when the first of
// them is read; files stay open.
std::shared_ptr<const Model> OpenModelOrCheckpoint(const std::string& folder);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_MODEL_H_
