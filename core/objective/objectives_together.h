// The closed forms in a group of processes: the batches, and what belongs to their documents and tokens, are gathered on every rank, which
// then makes the loss of all of them; the passes are shared. The same bits as of one process.
#ifndef HORIZON_LM_CORE_OBJECTIVE_OBJECTIVES_TOGETHER_H_
#define HORIZON_LM_CORE_OBJECTIVE_OBJECTIVES_TOGETHER_H_

#include "core/objective/objectives.h"

namespace hlm {

// The same as without Together, of a rank's own share; `in.of_all` must be false, and is true in the call that this makes.
PreferenceMetrics PreferenceTogether(Trainer& trainer, const Batch& batch, const PreferenceInputs& in);
UnpairedMetrics UnpairedTogether(Trainer& trainer, const Batch& batch, const UnpairedInputs& in);
PolicyMetrics PolicyTogether(Trainer& trainer, const Batch& batch, const PolicyInputs& in);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_OBJECTIVE_OBJECTIVES_TOGETHER_H_
