#include "core/io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/counted.h"
#include "core/io/json_text.h"

namespace hlm {
namespace internal {
namespace {
std::atomic<FileFault> file_fault{nullptr};
}
void SetFileFault(FileFault fault) { file_fault.store(fault); }
int InjectedFault(const char* verb, const std::string& path) {
  const FileFault fault = file_fault.load(std::memory_order_relaxed);
  return fault == nullptr ? 0 : fault(verb, path.c_str());
}
}  // namespace internal

namespace {

constexpr size_t kLargestTransfer = size_t{64} << 20;  // Linux moves at most 2 GiB a call

Code CodeOf(int error_number) {
  switch (error_number) {
    case ENOENT:
      return Code::kNotFound;
    case EEXIST:
    case ENOTEMPTY:
      return Code::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case EMLINK:
    case ENOMEM:
      return Code::kResourceExhausted;
    case EIO:
      return Code::kDataLoss;
    case EINVAL:
    case ENAMETOOLONG:
      return Code::kInvalidArgument;
    case EACCES:
    case EBUSY:
    case EISDIR:
    case ELOOP:
    case ENOTDIR:
    case EPERM:
    case EROFS:
    case EXDEV:
    case ETXTBSY:
      return Code::kFailedPrecondition;
    default:
      return Code::kUnavailable;
  }
}

// Throws where a test asked for a fault here.
void Probe(const char* verb, const std::string& path) {
  if (const int error_number = internal::InjectedFault(verb, path); error_number != 0) throw FileError(error_number, verb, path);
}

}  // namespace

Error FileError(int error_number, const char* verb, const std::string& path) {
  return Error(CodeOf(error_number),
               StrCat("cannot ", verb, " ", PrintablePath(path), ": ", std::generic_category().message(error_number)));
}

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  Probe("open", path_);
  // Without O_NONBLOCK a named pipe of this name would block for ever.
  fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) throw FileError(errno, "open", path_);
  struct stat status;
  const int failed = fstat(fd_, &status) == 0 ? 0 : errno;
  if (failed != 0 || !S_ISREG(status.st_mode)) {
    close(fd_);
    if (failed != 0) throw FileError(failed, "open", path_);
    throw InvalidArgument(PrintablePath(path_), ": not a regular file");
  }
  size_ = status.st_size;
}

InputFile::~InputFile() { close(fd_); }

void InputFile::ReadAt(int64_t offset, void* to, size_t bytes) const {
  Probe("read", path_);
  auto* out = static_cast<std::byte*>(to);
  while (bytes > 0) {
    const ssize_t got = pread(fd_, out, std::min(bytes, kLargestTransfer), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(Code::kDataLoss, FileError(errno, "read", path_).message());
    if (got == 0) {
      struct stat now;
      const int64_t end = fstat(fd_, &now) == 0 ? std::min<int64_t>(offset, now.st_size) : offset;
      throw DataLoss(PrintablePath(path_), ": ends at byte ", end, " while ", Counted(bytes, "byte"), " more had to be read");
    }
    out += got;
    offset += got;
    bytes -= static_cast<size_t>(got);
  }
}

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  Probe("create", path_);
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) throw FileError(errno, "create", path_);
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) close(fd_);
}

void OutputFile::Append(const void* data, size_t bytes) {
  Probe("write", path_);
  const auto* from = static_cast<const std::byte*>(data);
  while (bytes > 0) {
    const ssize_t written = write(fd_, from, std::min(bytes, kLargestTransfer));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw FileError(errno, "write", path_);
    from += written;
    bytes -= static_cast<size_t>(written);
  }
}

void OutputFile::StartWriteBack() { sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE); }

void OutputFile::Finish() {
  Probe("sync", path_);
  if (fsync(fd_) != 0) throw FileError(errno, "sync", path_);
  const int fd = std::exchange(fd_, -1);
  if (close(fd) != 0 && errno != EINTR) throw FileError(errno, "close", path_);
}

std::string ReadSmallFile(const std::string& path, int64_t most_bytes) {
  const InputFile file(path);
  if (file.size() > most_bytes) {
    throw InvalidArgument(PrintablePath(path), ": ", file.size(), " bytes; at most ", most_bytes, " are read");
  }
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.ReadAt(0, text.data(), text.size());
  return text;
}

std::vector<std::string> ListFolder(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (folder == nullptr) throw FileError(errno, "read", path);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(folder.get());
    if (entry == nullptr && errno != 0) throw FileError(errno, "read", path);
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void MakeFolder(const std::string& path) {
  Probe("create", path);
  while (mkdir(path.c_str(), 0777) != 0) {
    if (errno != EEXIST) throw FileError(errno, "create", path);
    if (IsFolder(path)) return;
    struct stat status;
    if (lstat(path.c_str(), &status) == 0) throw FileError(ENOTDIR, "create", path);  // else it is gone again
  }
  std::string parent = path;
  while (parent.size() > 1 && parent.back() == '/') parent.pop_back();
  const size_t slash = parent.find_last_of('/');
  SyncFolder(slash == std::string::npos ? "." : slash == 0 ? "/" : parent.substr(0, slash));
}

bool IsFolder(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool IsRegularFile(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

void CopyFile(const std::string& from, const std::string& to) {
  const InputFile source(from);
  OutputFile target(to);
  std::vector<std::byte> buffer(static_cast<size_t>(std::min<int64_t>(source.size(), int64_t{1} << 20)));
  for (int64_t at = 0; at < source.size();) {
    const auto bytes = static_cast<size_t>(std::min<int64_t>(source.size() - at, static_cast<int64_t>(buffer.size())));
    source.ReadAt(at, buffer.data(), bytes);
    target.Append(buffer.data(), bytes);
    at += static_cast<int64_t>(bytes);
  }
  target.Finish();
}

void SyncFolder(const std::string& path) {
  Probe("sync", path);
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw FileError(errno, "open", path);
  // Some file systems cannot sync a folder and say EINVAL; there is nothing to do about it.
  const int failed = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
  close(fd);
  if (failed != 0) throw FileError(failed, "sync", path);
}

void Rename(const std::string& from, const std::string& to) {
  Probe("rename", to);
  if (rename(from.c_str(), to.c_str()) != 0) throw FileError(errno, "rename to", to);
}

}  // namespace hlm
