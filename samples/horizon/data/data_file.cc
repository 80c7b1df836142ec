#include "samples/horizon/data/data_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/data/packed_text.h"

namespace horizon {
namespace {

constexpr size_t kLargestTransfer = size_t{64} << 20;  // Linux moves at most 2 GiB a call

[[noreturn]] void ThrowErrno(const std::string& path, const char* what) {
  throw Error(path + ": " + what + ": " + std::strerror(errno));
}

std::string BytesOf(const DataFile& file) {
  std::string bytes(file.size(), '\0');
  file.ReadAt(0, bytes.data(), bytes.size());
  return bytes;
}

}  // namespace

DataFile::DataFile(const std::string& path) : path_(path), file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) ThrowErrno(path, "cannot be opened");
  struct stat status;
  if (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file_);
    throw Error(path + ": not a regular file");
  }
  size_ = static_cast<size_t>(status.st_size);
}

DataFile::~DataFile() {
  if (file_ >= 0) close(file_);
}

DataFile::DataFile(DataFile&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), size_(std::exchange(other.size_, 0)) {}

DataFile& DataFile::operator=(DataFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(size_, other.size_);
  return *this;
}

void DataFile::ReadAt(size_t offset, void* to, size_t bytes) const {
  auto* out = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = pread(file_, out, std::min(bytes, kLargestTransfer), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) ThrowErrno(path_, "cannot be read");
    if (got == 0) {
      throw Error(path_ + ": ends at byte " + std::to_string(offset) + " while " +
                  FormatCount(static_cast<int64_t>(bytes), "byte") + " more had to be read; it had " + std::to_string(size_) +
                  " when it was opened");
    }
    out += got;
    offset += static_cast<size_t>(got);
    bytes -= static_cast<size_t>(got);
  }
}

std::string ReadWholeFile(const std::string& path) {
  const DataFile file(path);
  return IsPacked(file) ? Unpack(file) : BytesOf(file);
}

std::string ReadTextFile(const std::string& path, size_t limit) {
  const DataFile file(path);
  if (file.size() > limit) {
    throw Error(path + ": " + std::to_string(file.size()) + " bytes, more than the " + std::to_string(limit) + " that are read");
  }
  std::string text = BytesOf(file);
  // As a C string the text would end here, and what follows would go unread.
  const size_t nul = text.find('\0');
  if (nul != std::string::npos) throw Error(path + ": not a text, byte " + std::to_string(nul) + " is NUL");
  return text;
}

}  // namespace horizon
