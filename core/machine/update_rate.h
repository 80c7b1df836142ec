// The rates of the two ways an update goes, measured.
#ifndef HORIZON_LM_CORE_MACHINE_UPDATE_RATE_H_
#define HORIZON_LM_CORE_MACHINE_UPDATE_RATE_H_

#include "cpu_optim/optimizer.h"

namespace hlm {

// Weights a second that AdamW updates with fp32 moments: a split master and bf16 gradients, or an fp32 master and fp32 gradients.
// Takes up to 256 MiB, which no cache holds, and some tenths of a second.
double MeasureUpdateRate(UpdatePath path, bool split, int threads);

// The faster of the two by the calibration file, measured once for a number of threads. The fused loop, which runs anywhere with
// the same bits, unless the other is faster by a twentieth; and where nothing can be kept, for a second timing could choose
// otherwise.
UpdatePath FasterUpdate(bool split, int threads);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MACHINE_UPDATE_RATE_H_
