#include "samples/horizon/data/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

[[noreturn]] void ThrowErrno(const std::string& path, const char* what) {
  throw Error(path + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) ThrowErrno(path, "cannot be opened");
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file);
    throw Error(path + ": not a regular file");
  }
  size_ = static_cast<size_t>(status.st_size);
  if (size_ > 0) {  // an empty file cannot be mapped, and needs not be
    void* data = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) {
      close(file);
      ThrowErrno(path, "cannot be mapped");
    }
    data_ = static_cast<const unsigned char*>(data);
  }
  close(file);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<unsigned char*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

std::string ReadTextFile(const std::string& path, size_t limit) {
  const MappedFile file(path);
  if (file.size() > limit) {
    throw Error(path + ": " + std::to_string(file.size()) + " bytes, more than the " + std::to_string(limit) + " that are read");
  }
  std::string text = file.size() == 0 ? std::string() : std::string(reinterpret_cast<const char*>(file.data()), file.size());
  // As a C string the text would end here, and what follows would go unread.
  const size_t nul = text.find('\0');
  if (nul != std::string::npos) throw Error(path + ": not a text, byte " + std::to_string(nul) + " is NUL");
  return text;
}

}  // namespace horizon
