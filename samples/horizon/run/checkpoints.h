// The checkpoints of a training run: where it goes on from, and what it saves on its way.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_CHECKPOINTS_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_CHECKPOINTS_H_

#include <cstdint>
#include <string>

#include "c_api/horizon_lm.h"
#include "samples/horizon/base/json.h"
#include "samples/horizon/options/options.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/group.h"
#include "samples/horizon/run/progress.h"

namespace horizon {

class Checkpoints {
 public:
  // Looks into --checkpoint-dir. Throws where it holds checkpoints and --resume was not given.
  explicit Checkpoints(const RunOptions& run);

  // The last step whose state is in the directory, or on its way there; -1: none.
  int64_t saved() const { return saved_; }
  bool on() const { return !run_.checkpoint_dir.empty(); }
  // Whether Resume has something to go on from.
  bool finds() const { return on() && run_.resumes() && any_; }
  // The numerics of the newest checkpoint, for the plan; "" where there is nothing to go on from.
  const std::string& numerics() const { return numerics_; }

  // Puts the trainer into the newest good state; the step it had reached, 0 for a new run. `data` is what the order of the rows
  // depends on: another run's is refused.
  int64_t Resume(Trainer& trainer, const Json& data, Progress& progress);

  // What was saved with the state that Resume found; an empty object for a new run.
  const Json& data() const { return data_; }

  // After a step: says so where a save failed, and begins the next one where it is due.
  void AfterStep(Trainer& trainer, const Json& data, int64_t step, Progress& progress);
  // The last state of a run, written before this returns; nothing where it is there already. Throws where that fails.
  // The best state so far, beside the others: it stays until a better one is whole. A failure is a warning.
  void SaveBest(Trainer& trainer, const Json& data, int64_t step, Progress& progress);
  // Puts the trainer into it.
  void TakeBest(Trainer& trainer, const Group& group) const;
  std::string best() const { return run_.checkpoint_dir + "/best"; }
  void SaveLast(Trainer& trainer, const Json& data, int64_t step, Progress& progress);

 private:
  void Save(Trainer& trainer, const std::string& directory, const Json& data, int64_t keep, bool background) const;
  void Save(Trainer& trainer, const Json& data, bool background);

  const RunOptions& run_;
  bool any_ = false;  // the directory held something when the run began
  int64_t newest_bytes_ = 0;
  std::string numerics_;
  Json data_ = Json::object();
  int64_t saved_ = -1;  // the last step whose state was saved, or is on its way
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_CHECKPOINTS_H_
