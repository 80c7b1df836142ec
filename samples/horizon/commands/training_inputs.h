// What a training run is made of: the model with the text that it is trained with, the task with its data, and the plan.
#ifndef HORIZON_LM_SAMPLES_HORIZON_COMMANDS_TRAINING_INPUTS_H_
#define HORIZON_LM_SAMPLES_HORIZON_COMMANDS_TRAINING_INPUTS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "samples/horizon/run/course.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/group.h"
#include "samples/horizon/run/progress.h"
#include "samples/horizon/run/run_log.h"
#include "samples/horizon/tasks/task.h"

namespace horizon {

class TrainingInputs {
 public:
  // Opens the model and the data. Throws where what the run leaves of the model cannot be written.
  TrainingInputs(const Options& options, const Group& group);

  int64_t Steps() const;  // of the whole run
  // Then the model gets its text, and a plan by what it has become. `numerics`: of a checkpoint.
  void MakePlan(const std::string& numerics, int64_t steps, Progress& progress);

  const Model& model() const { return model_; }
  Task& task() const { return *task_; }
  const Plan& plan() const { return plan_; }
  RunStart Start(const Course& course) const;

 private:
  // The model with the tokenizer, the template and the ends of turns that it is trained with, as it will be saved.
  Model WithText(Progress& progress) const;

  const Options& options_;
  const Group& group_;
  Model model_;
  const Json description_;  // of the model
  const std::unique_ptr<Task> task_;
  const Json data_;  // of the task
  Plan plan_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_COMMANDS_TRAINING_INPUTS_H_
