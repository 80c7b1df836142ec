// horizon train
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/output.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/commands/training.h"
#include "samples/horizon/run/group.h"
#include "samples/horizon/run/saving.h"

namespace horizon {
namespace {

// The first of the folders that have to be made for this one; itself where it is there.
std::string Begun(const std::string& folder) {
  namespace fs = std::filesystem;
  fs::path path = fs::path(folder).lexically_normal();
  std::error_code failure;
  while (!fs::exists(path, failure) && path.has_parent_path() && !fs::exists(path.parent_path(), failure))
    path = path.parent_path();
  return path.string();
}

// Logs, trace and report are the first rank's affair.
void CheckWhatIsWritten(const RunOptions& run, const Group& group) {
  if (!run.checkpoint_dir.empty()) hlm::CheckCheckpoints(run.checkpoint_dir, 0);
  if (!group.first()) return;
  if (!run.log_json.empty()) CheckOutputFile(run.log_json);
  if (!run.tensorboard.empty()) CheckFolder(Begun(run.tensorboard));
  if (!run.trace.empty()) CheckOutputFile(run.trace);
  if (!run.report.empty()) CheckOutputFile(run.report);
}

// Whether nobody reads standard output any more.
bool ReaderIsGone() {
  pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

}  // namespace

int RunTrain(const Options& options) {
  CheckModelOptions(options);
  CheckTrainingOptions(options);
  CheckApartFromOut(options.run);
  Interrupt::TakeWriteErrors();
  Interrupt interrupt;  // before the library starts threads
  interrupt.EndAtOnce(true);
  const Group group(options.group);
  interrupt.EndAtOnce(false);
  if (!group.first()) Activity::Silence();
  Options own = options;
  own.engine.processes = group.size();
  std::unique_ptr<Training> training;
  // Everything that the run will write is tried before anything is read. What the first has read and kept the others find.
  group.FirstThenOthers([&] {
    CheckWhatIsWritten(own.run, group);
    training = std::make_unique<Training>(own, group, interrupt);
  });
  const int status = training->Run();
  training.reset();  // before the group
  // Progress that nobody reads is no failure; JSON lines would be. What is still to be written goes nowhere.
  if (!options.json && ReaderIsGone() && std::freopen("/dev/null", "w", stdout) == nullptr) return kExitError;
  return status;
}

}  // namespace horizon
