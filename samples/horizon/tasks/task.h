// What a run trains: where its steps come from, which loss they have and how it is evaluated. train.cc does the rest.
#ifndef HORIZON_LM_SAMPLES_HORIZON_TASKS_TASK_H_
#define HORIZON_LM_SAMPLES_HORIZON_TASKS_TASK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "samples/horizon/base/json.h"
#include "samples/horizon/options/options.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/group.h"
#include "samples/horizon/run/interrupt.h"
#include "samples/horizon/run/progress.h"

namespace horizon {

class Task {
 public:
  virtual ~Task() = default;

  virtual std::string name() const = 0;     // "rows", "sft", ...
  virtual std::string Summary() const = 0;  // the data, for people
  // hlm_dataset_describe of what is trained on; an empty object for token files.
  virtual Json Description() const { return Json::object(); }
  // The shape of the largest step, evaluations included.
  virtual int64_t rows() const = 0;
  virtual int64_t row_tokens() const = 0;
  virtual int64_t steps_per_epoch() const = 0;
  // Whether the lines of its steps tell accuracy and entropy of the tokens, which the trainer is asked for then.
  virtual bool has_token_metrics() const { return false; }

  // Before the first step, under the weights that the run begins from (a resumed one too): what must be known of them. Cancelling
  // the trainer ends it with CANCELLED.
  virtual void Prepare(Trainer& /*trainer*/, Progress& /*progress*/) {}

  // Step `step`, from 1, with its update. `more`: what the task has to tell of it, as members of the step's line.
  virtual hlm_step_metrics Step(Trainer& trainer, int64_t step, Json& more) = 0;
  virtual int64_t step_tokens() const = 0;  // of that step's rows, predicted or not

  // What the order of the data depends on: a run that goes on must have the same.
  virtual Json Identity() const = 0;
  // Hashes of what is trained on and held out, under names for people: each rank reads files of its own, which must hold the same.
  virtual Json Contents() const = 0;
  // That, and how far it got, for a checkpoint; and back there. `step`: the last that was done.
  virtual Json Position() { return Identity(); }
  virtual void Seek(const Json& /*position*/, int64_t /*step*/) {}

  virtual bool has_evaluation() const = 0;
  // Held-out data under the current weights, as members "eval_..." of the evaluation's line.
  virtual Json Evaluate(Trainer& trainer) = 0;
};

// By --task; without, rows of a token file. Opens the data. Of each step and evaluation a task brings the share of its rank; what it tells
// of them is of all ranks.
std::unique_ptr<Task> MakeTask(const Options& options, const Json& model, const Group& group);

// Each of a file of its own.
std::unique_ptr<Task> MakeRowsTask(const Options& options, const Json& model, const Group& group);
std::unique_ptr<Task> MakeLanguageTask(const Options& options, const Json& model, const Group& group);    // pretrain, sft
std::unique_ptr<Task> MakePreferenceTask(const Options& options, const Json& model, const Group& group);  // dpo, orpo, simpo
std::unique_ptr<Task> MakeKtoTask(const Options& options, const Json& model, const Group& group);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_TASKS_TASK_H_
