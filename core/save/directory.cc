#include "core/save/directory.h"

#include <fcntl.h>
#include <stdio.h>  // rename
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/io/staged_folder.h"

namespace hlm {
namespace {

constexpr std::string_view kPrefix = "step-";
constexpr size_t kDigits = 12, kMostDigits = 18;
constexpr int64_t kMostManifestBytes = int64_t{256} << 20;

// Every file is there, with its size.
bool SizesFit(const FoundCheckpoint& found) {
  if (!found.manifest) return false;
  const auto fits = [&](const std::string& file, int64_t bytes) {
    struct stat status;
    return stat((found.path + "/" + file).c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size == bytes;
  };
  for (const StoredUnit& unit : found.manifest->units) {
    if (!fits(unit.file, unit.bytes)) return false;
  }
  for (const StoredFile& file : found.manifest->files) {
    if (!fits(file.name, file.bytes)) return false;
  }
  return true;
}

bool HasPrefix(const std::string& text, std::string_view prefix) { return text.compare(0, prefix.size(), prefix) == 0; }

// Taken out of sight first: half of a checkpoint must not look like a damaged one.
void RemoveCheckpoint(const std::string& directory, const std::string& path) {
  static std::atomic<int> counter{0};
  const std::string hidden =
      StrCat(directory, "/.", path.substr(path.rfind('/') + 1), ".gone-", getpid(), "-", counter.fetch_add(1));
  if (internal::InjectedFault("rename", hidden) != 0 || rename(path.c_str(), hidden.c_str()) != 0) return;
  RemoveFolderQuietly(hidden);
}

}  // namespace

std::string CheckpointName(int64_t step) {
  const std::string digits = std::to_string(step);
  return std::string(kPrefix) + std::string(digits.size() < kDigits ? kDigits - digits.size() : 0, '0') + digits;
}

std::optional<int64_t> StepOfName(const std::string& name) {
  if (!HasPrefix(name, kPrefix)) return std::nullopt;
  const std::string digits = name.substr(kPrefix.size());
  if (digits.size() < kDigits || digits.size() > kMostDigits) return std::nullopt;
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoll(digits);
}

FoundCheckpoint LookAt(const std::string& path) {
  FoundCheckpoint found;
  found.path = path;
  std::string name = path;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  found.step = StepOfName(name.substr(name.rfind('/') + 1)).value_or(0);
  const std::string file = path + "/" + kManifestFile;
  std::string text;
  try {
    text = ReadSmallFile(file, kMostManifestBytes);
    found.manifest = ParseManifest(text, PrintablePath(file));
    found.step = found.manifest->step;
  } catch (const Error& error) {
    if (error.code() == Code::kResourceExhausted) throw;
    found.error = error;
    found.newer = error.code() == Code::kUnimplemented && ManifestIsWhole(text);
  }
  return found;
}

std::vector<FoundCheckpoint> FindCheckpoints(const std::string& directory) {
  std::vector<FoundCheckpoint> all;
  for (const std::string& name : ListFolder(directory)) {
    if (StepOfName(name) && IsFolder(directory + "/" + name)) all.push_back(LookAt(directory + "/" + name));
  }
  std::stable_sort(all.begin(), all.end(), [](const FoundCheckpoint& a, const FoundCheckpoint& b) {
    return a.step != b.step ? a.step > b.step : a.path > b.path;
  });
  return all;
}

void RemoveOldCheckpoints(const std::string& directory, int64_t newest, int64_t keep) {
  int64_t good = 0;
  for (const FoundCheckpoint& found : FindCheckpoints(directory)) {
    if (found.step > newest || found.newer) continue;
    if (good >= keep) {
      RemoveCheckpoint(directory, found.path);
    } else if (SizesFit(found)) {
      ++good;
    }
  }
}

void RemoveLeftovers(const std::string& directory) {
  for (const std::string& name : ListFolder(directory)) {
    if (!HasPrefix(name, ".step-")) continue;
    const std::string path = directory + "/" + name;
    const size_t kind = name.find('.', 1);
    const std::string published = directory + "/" + name.substr(1, kind == std::string::npos ? kind : kind - 1);
    if (kind == std::string::npos || !IsFolder(path)) continue;
    const bool begun = HasPrefix(name.substr(kind), ".new-"), gone = HasPrefix(name.substr(kind), ".gone-");
    // The former checkpoint of a step, moved aside: of use only where its successor did not come.
    const bool former = HasPrefix(name.substr(kind), ".old-") && IsFolder(published);
    if (!begun && !gone && !former) continue;
    if (FolderLock(path).held()) RemoveFolderQuietly(path);
  }
}

FolderLock::FolderLock(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  held_ = fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace hlm
