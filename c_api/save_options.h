#ifndef HORIZON_LM_C_API_SAVE_OPTIONS_H_
#define HORIZON_LM_C_API_SAVE_OPTIONS_H_

#include "c_api/horizon_lm.h"
#include "core/model/model.h"

namespace hlm::capi {

// The caller's options, checked, as the core takes them; NULL: the defaults.
SaveOptions ReadSaveOptions(const hlm_save_options* options);

}  // namespace hlm::capi

#endif  // HORIZON_LM_C_API_SAVE_OPTIONS_H_
