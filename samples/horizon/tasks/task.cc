#include "samples/horizon/tasks/task.h"

namespace horizon {

std::unique_ptr<Task> MakeTask(const Options& options, const Json& model, const Group& group) {
  const std::string& task = options.task.task;
  if (task.empty()) return MakeRowsTask(options, model, group);
  if (task == "pretrain" || task == "sft") return MakeLanguageTask(options, model, group);
  return task == "kto" ? MakeKtoTask(options, model, group) : MakePreferenceTask(options, model, group);
}

}  // namespace horizon
