#include "core/io/staged_folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>  // renameat2, remove
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;

fs::path ResolveTarget(const std::string& target) {
  if (target.empty()) throw InvalidArgument("the output folder has an empty name");
  std::error_code error;
  fs::path path = fs::absolute(target, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "out/"
  if (fs::is_symlink(fs::symlink_status(path, error)) && !fs::exists(path, error)) {
    throw FailedPrecondition(PrintablePath(target), ": a symbolic link that leads nowhere");
  }
  if (!fs::exists(path, error)) {
    if (error) throw FileError(error.value(), "look at", target);
    const fs::path parent = fs::canonical(path.parent_path(), error);
    if (error) throw FileError(error.value(), "write into", path.parent_path().string());
    return parent / path.filename();
  }
  path = fs::canonical(path, error);
  if (error) throw FileError(error.value(), "look at", target);
  return path;
}

void CheckReplaceable(const fs::path& target, bool overwrite, const std::function<void(const std::string&)>& replaceable) {
  std::error_code error;
  if (!fs::exists(target, error)) return;
  const std::string name = PrintablePath(target.string());
  if (!fs::is_directory(target, error)) throw InvalidArgument(name, ": exists and is not a folder");
  const bool empty = ListFolder(target.string()).empty();
  if (!empty && !overwrite) throw Error(Code::kAlreadyExists, name + ": exists and is not empty (overwriting was not asked for)");
  const fs::path here = fs::current_path(error);
  if (!error && (here == target || IsInside(here.string(), target.string()))) {
    throw InvalidArgument(name, ": is or holds the working directory; choose another output folder");
  }
  if (!empty && replaceable) replaceable(target.string());
}

// A new folder beside the target; hidden, so that a pattern like out/* does not meet it half written. Errors name the target:
// nobody knows of the other.
std::string MakeSibling(const fs::path& target, const char* kind) {
  static std::atomic<int> counter{0};
  std::error_code error;
  const char* const verb = fs::exists(target, error) ? "create a folder beside" : "create";
  for (;;) {
    const std::string name =
        StrCat(".", target.filename().string().substr(0, 200), ".", kind, "-", getpid(), "-", counter.fetch_add(1));
    std::string path = (target.parent_path() / name).string();  // moved out: a copy could fail, and the folder would stay
    if (const int fault = internal::InjectedFault("create", path); fault != 0) throw FileError(fault, verb, target.string());
    if (mkdir(path.c_str(), 0777) == 0) return path;
    if (errno != EEXIST) throw FileError(errno, verb, target.string());
  }
}

int RemoveEntry(const char* path, const struct stat*, int, struct FTW*) {
  remove(path);
  return 0;  // what resists removal is left, the rest is not
}

}  // namespace

void RemoveFolderQuietly(const std::string& path) noexcept {
  constexpr int kOpenFolders = 16;
  nftw(path.c_str(), RemoveEntry, kOpenFolders, FTW_DEPTH | FTW_PHYS);
}

bool IsInside(const std::string& path, const std::string& folder) {
  const fs::path rest = fs::path(path).lexically_relative(folder);
  return !rest.empty() && rest != "." && *rest.begin() != "..";
}

StagedFolder::StagedFolder(const std::string& target, bool overwrite, std::function<void(const std::string&)> replaceable)
    : overwrite_(overwrite), replaceable_(std::move(replaceable)) {
  const fs::path resolved = ResolveTarget(target);
  CheckReplaceable(resolved, overwrite, replaceable_);
  target_ = resolved.string();
  parent_ = resolved.parent_path().string();
  path_ = MakeSibling(resolved, "new");
}

StagedFolder::~StagedFolder() {
  if (!path_.empty()) RemoveFolderQuietly(path_);
}

void StagedFolder::MoveIn() {
  // Looked at again: a long training may lie between the beginning and now.
  CheckReplaceable(target_, overwrite_, replaceable_);
  std::error_code error;
  const bool exists = fs::exists(target_, error);
  if (!exists || ListFolder(target_).empty()) {
    Rename(path_, target_);  // an empty folder is replaced in the same step
    was_empty_ = exists;
    return;
  }
  if (const int fault = internal::InjectedFault("rename", target_); fault != 0) throw FileError(fault, "rename to", target_);
  int why = internal::InjectedFault("exchange", target_);
  if (why == 0 && renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) why = errno;
  if (why == 0) {
    former_ = path_;
    return;
  }
  if (why != EINVAL && why != ENOSYS && why != ENOTSUP) throw FileError(why, "rename to", target_);
  // A file system that cannot exchange two names: aside, in, and back where the second step fails.
  const std::string aside = MakeSibling(target_, "old");
  try {
    Rename(target_, aside);
  } catch (...) {
    RemoveFolderQuietly(aside);
    throw;
  }
  former_ = aside;
  try {
    Rename(path_, target_);
  } catch (...) {
    if (rename(aside.c_str(), target_.c_str()) != 0) {
      throw FileError(errno, StrCat("rename the former folder back from ", PrintablePath(aside), " to").c_str(), target_);
    }
    former_.clear();
    throw;
  }
}

void StagedFolder::MoveBack() noexcept {
  if (former_.empty()) {
    if (rename(target_.c_str(), path_.c_str()) == 0 && was_empty_) mkdir(target_.c_str(), 0777);
  } else if (former_ == path_) {
    renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE);
  } else if (rename(target_.c_str(), path_.c_str()) == 0) {
    rename(former_.c_str(), target_.c_str());
  }
}

void StagedFolder::Publish() {
  SyncFolder(path_);
  MoveIn();
  try {
    SyncFolder(parent_);
  } catch (...) {
    MoveBack();
    throw;
  }
  // The save is done; a former folder that resists removal is no reason to call it failed.
  if (!former_.empty()) RemoveFolderQuietly(former_);
  path_.clear();
}

}  // namespace hlm
