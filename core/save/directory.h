// A directory of checkpoints: the names in it, which of them are checkpoints, and what is removed when.
#ifndef HORIZON_LM_CORE_SAVE_DIRECTORY_H_
#define HORIZON_LM_CORE_SAVE_DIRECTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/save/manifest.h"

namespace hlm {

// "step-000000000100".
std::string CheckpointName(int64_t step);
// The step of such a name; nothing for any other.
std::optional<int64_t> StepOfName(const std::string& name);

// A folder of that name, and what its manifest says.
struct FoundCheckpoint {
  std::string path;
  int64_t step = 0;  // the manifest's; the name's where there is no good manifest
  std::optional<Manifest> manifest;
  std::optional<Error> error;  // why there is none
  bool newer = false;          // whole, but of a newer format
};

// Reads one manifest. Throws only where memory or file handles have run out.
FoundCheckpoint LookAt(const std::string& path);

// All of a directory, the newest (by step) first. NOT_FOUND where there is no such folder.
std::vector<FoundCheckpoint> FindCheckpoints(const std::string& directory);

// Keeps the `keep` newest checkpoints, as far as manifests and file sizes tell good ones, among those up to step `newest`, and
// removes what is older. Later steps stay: they are of another run. What resists removal stays, too.
void RemoveOldCheckpoints(const std::string& directory, int64_t newest, int64_t keep);

// Removes folders that a process began and did not live to finish.
void RemoveLeftovers(const std::string& directory);

// Says that a folder's maker is alive: held until this object or the process ends.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool held() const { return held_; }  // false: somebody else does, or the file system has no locks

 private:
  int fd_ = -1;
  bool held_ = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_DIRECTORY_H_
