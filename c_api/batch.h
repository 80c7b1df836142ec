#ifndef HORIZON_LM_C_API_BATCH_H_
#define HORIZON_LM_C_API_BATCH_H_

#include "c_api/horizon_lm.h"
#include "core/data/batch.h"

namespace hlm::capi {

// The caller's arrays as spans, pointers and lengths checked; the values are checked where they are used (PrepareTokens).
Batch ReadBatch(const hlm_batch* batch);
// Of a call that all ranks of a group make: what is wrong becomes Batch::refused, and is told to them all.
Batch ReadSharedBatch(const hlm_batch* batch);

// What is given beside a batch: the first error of both is the batch's.
template <class Read>
void ReadBeside(Batch& batch, const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    if (!batch.refused) batch.refused = error;
  }
}

}  // namespace hlm::capi

#endif  // HORIZON_LM_C_API_BATCH_H_
