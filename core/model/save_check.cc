#include "core/model/save_check.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/io/staged_folder.h"
#include "core/model/folder_files.h"
#include "core/model/save_parts.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;

constexpr size_t kProbeBytes = 4096;
// Ranks of a group look at the directory of their checkpoints at once, and who made it for that removes it, perhaps under another's hands.
constexpr int kProbeTries = 100;

// Writes into a folder that is there, as a save would.
void WriteProbe(const std::string& folder) {
  const std::string path = folder + "/probe";
  OutputFile file(path);
  const std::string bytes(kProbeBytes, '\0');
  file.Append(bytes.data(), bytes.size());
  file.Finish();
  if (unlink(path.c_str()) != 0) throw FileError(errno, "remove", path);
}

void CheckSpace(const std::string& folder, const std::string& named, int64_t bytes) {
  struct statvfs status;
  if (statvfs(folder.c_str(), &status) != 0) throw FileError(errno, "look at the file system of", named);
  if (status.f_blocks == 0) return;  // a file system that does not tell its size
  const auto free = static_cast<__int128>(status.f_bavail) * static_cast<__int128>(status.f_frsize);
  if (free >= bytes) return;
  throw Error(Code::kResourceExhausted, StrCat(PrintablePath(named), ": needs ", bytes, " bytes, of which ",
                                               static_cast<int64_t>(free), " are free on its file system"));
}

// Removes a folder that was made for a look, unless someone has put something into it since.
class RemoveIfEmpty {
 public:
  explicit RemoveIfEmpty(std::string folder) : folder_(std::move(folder)) {}
  RemoveIfEmpty(const RemoveIfEmpty&) = delete;
  RemoveIfEmpty& operator=(const RemoveIfEmpty&) = delete;
  ~RemoveIfEmpty() {
    if (!folder_.empty()) rmdir(folder_.c_str());
  }

 private:
  const std::string folder_;
};

// As `ulimit -f` sets it.
void CheckFileSize(const std::string& named, int64_t bytes) {
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  if (static_cast<rlim_t>(bytes) <= limit.rlim_cur) return;
  throw Error(Code::kResourceExhausted, StrCat(PrintablePath(named), ": would have a file of ", bytes,
                                               " bytes; this process may write files of at most ", limit.rlim_cur));
}

bool IsMountPoint(const std::string& path) {
#ifdef STATX_ATTR_MOUNT_ROOT
  struct statx status;
  if (statx(AT_FDCWD, path.c_str(), 0, STATX_BASIC_STATS, &status) == 0 &&
      (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0) {
    return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  }
#endif
  struct stat own, parent;
  if (stat(path.c_str(), &own) != 0 || stat((path + "/..").c_str(), &parent) != 0) return false;
  return own.st_dev != parent.st_dev;
}

// What is renamed over must be no mount point, and no other user's in a folder like /tmp.
void CheckRenamedOver(const std::string& target) {
  struct stat own, parent;
  if (stat(target.c_str(), &own) != 0) return;
  if (IsMountPoint(target)) {
    throw FailedPrecondition(PrintablePath(target), ": is a mount point, which cannot be replaced; name a folder inside it");
  }
  if (stat((target + "/..").c_str(), &parent) != 0 || (parent.st_mode & S_ISVTX) == 0 || geteuid() == 0) return;
  if (own.st_uid == geteuid() || parent.st_uid == geteuid()) return;
  throw FailedPrecondition(PrintablePath(target), ": belongs to another user, and its parent lets nobody else replace it");
}

int64_t SizeOfFile(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 ? status.st_size : 0;
}

}  // namespace

int64_t CheckSave(const Model& model, const std::string& folder, const SaveOptions& options) {
  CheckShardBytes(options.max_shard_bytes);
  Repacks(model, options);
  const std::string& source = model.source_folder();
  const StagedFolder staged(folder, options.overwrite, ReplaceableBy(model));
  if (!source.empty()) CheckApart(source, staged.target());
  CheckRenamedOver(staged.target());
  WriteProbe(staged.path());

  int64_t bytes = 0, largest = 0;
  for (const ShardTensors& shard : MakeShards(model, options)) {
    int64_t size = 0;
    for (const FileTensor& saved : shard) size = CheckedAdd(size, saved.bytes());
    largest = std::max(largest, size);
    bytes = CheckedAdd(bytes, size);
  }
  int64_t carried = 0;
  for (const CarriedTensor& tensor : model.weights().Carried()) carried = CheckedAdd(carried, tensor.bytes);
  largest = std::max(largest, carried);
  bytes = CheckedAdd(bytes, carried);
  for (const auto& [path, text] : model.files()) bytes = CheckedAdd(bytes, static_cast<int64_t>(text.size()));
  if (!source.empty()) {
    for (const std::string& path : CarriedPaths(source)) bytes = CheckedAdd(bytes, SizeOfFile(source + "/" + path));
  }
  CheckSpace(staged.path(), folder, bytes);
  CheckFileSize(folder, largest);
  return bytes;
}

void CheckCheckpoints(const std::string& directory, int64_t bytes) {
  if (directory.empty()) throw InvalidArgument("the directory of checkpoints has an empty name");
  std::error_code error;
  const bool there = fs::exists(directory, error);
  if (there && !IsFolder(directory)) throw InvalidArgument(PrintablePath(directory), ": exists and is not a folder");
  const RemoveIfEmpty as_it_was(there ? "" : directory);
  for (int tries = 0;; ++tries) {
    MakeFolder(directory);
    try {
      const StagedFolder staged(directory + "/.probe", false);
      WriteProbe(staged.path());
      CheckSpace(staged.path(), directory, bytes);
      return;
    } catch (const Error& missing) {
      // Whether it is there now says nothing: a third rank may have made it again.
      if (missing.code() != Code::kNotFound || tries == kProbeTries) throw;
    }
  }
}

}  // namespace hlm
