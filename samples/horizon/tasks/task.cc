#include "samples/horizon/tasks/task.h"

namespace horizon {

std::unique_ptr<Task> MakeTask(const Options& options, const Json& model) {
  const std::string& task = options.task.task;
  if (task.empty()) return MakeRowsTask(options, model);
  if (task == "pretrain" || task == "sft") return MakeLanguageTask(options, model);
  return task == "kto" ? MakeKtoTask(options, model) : MakePreferenceTask(options, model);
}

}  // namespace horizon
