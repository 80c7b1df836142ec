// What hlm_checkpoint_list says of a directory.
#ifndef HORIZON_LM_CORE_SAVE_CHECKPOINT_LIST_H_
#define HORIZON_LM_CORE_SAVE_CHECKPOINT_LIST_H_

#include <string>

namespace hlm {

// See c_api/horizon_lm.h.
std::string CheckpointListJson(const std::string& directory);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_CHECKPOINT_LIST_H_
