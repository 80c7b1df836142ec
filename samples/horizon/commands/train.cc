// horizon train
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "samples/horizon/base/output.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/commands/training.h"
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

// Whether nobody reads standard output any more.
bool ReaderIsGone() {
  pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

}  // namespace

int RunTrain(const Options& options) {
  CheckModelOptions(options);
  CheckTrainingOptions(options);
  // Everything that the run will write is tried before anything is read.
  CheckApartFromOut(options.run);
  if (!options.run.checkpoint_dir.empty()) Check(hlm_checkpoint_check(options.run.checkpoint_dir.c_str(), 0));
  if (!options.run.log_json.empty()) CheckOutputFile(options.run.log_json);
  if (!options.run.tensorboard.empty()) CheckFolder(Begun(options.run.tensorboard));
  if (!options.run.trace.empty()) CheckOutputFile(options.run.trace);
  if (!options.run.report.empty()) CheckOutputFile(options.run.report);
  Interrupt::TakeWriteErrors();
  Interrupt interrupt;  // before the library starts threads
  const int status = Training(options, interrupt).Run();
  // Progress that nobody reads is no failure; JSON lines would be. What is still to be written goes nowhere.
  if (!options.json && ReaderIsGone() && std::freopen("/dev/null", "w", stdout) == nullptr) return kExitError;
  return status;
}

}  // namespace horizon
