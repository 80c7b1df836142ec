// The model that a run leaves behind: whether it can be written is found out before the run, and where it cannot be written all
// the same, it is put elsewhere.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_SAVING_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_SAVING_H_

#include <cstdint>
#include <string>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/options/options.h"

namespace horizon {

hlm_save_options SaveOptionsOf(const RunOptions& run);

// Throws where --out would hold something else that the run writes.
void CheckApartFromOut(const RunOptions& run);

// Before a run: throws where --out could not be written, and says where it will not have the source's packed numbers. `f32`: of the
// run's compute, in which a model without a folder is saved. Nothing without --out.
void CheckOut(const Model& model, const RunOptions& run, bool f32);

// The same for --checkpoint-dir, of whose checkpoints one takes so many bytes and the run makes `saves`; `out_bytes`: what --out
// will take.
void CheckCheckpointDir(const RunOptions& run, int64_t bytes, int64_t saves, int64_t out_bytes);

// Bytes that --out will take; 0 without.
int64_t BytesOfOut(const Model& model, const RunOptions& run, bool f32);

// Writes --out. Where that fails the weights go beside the checkpoints, or into the folder for temporary files, and what is
// thrown says where they are.
void SaveModel(Trainer& trainer, const RunOptions& run, int64_t step);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_SAVING_H_
