#ifndef HORIZON_LM_C_API_BATCH_H_
#define HORIZON_LM_C_API_BATCH_H_

#include "c_api/horizon_lm.h"
#include "core/data/batch.h"

namespace hlm::capi {

// The caller's arrays as spans, pointers and lengths checked; the values are checked where they are used (PrepareTokens).
Batch ReadBatch(const hlm_batch* batch);

}  // namespace hlm::capi

#endif  // HORIZON_LM_C_API_BATCH_H_
