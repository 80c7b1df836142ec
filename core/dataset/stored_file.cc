#include "core/dataset/stored_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/error.h"
#include "core/model/json_text.h"

namespace hlm::dataset {
namespace {

struct Trailer {
  char magic[8];
  uint32_t kind;
  uint32_t element_bytes;
  uint64_t count;
  uint64_t data_hash;
  uint64_t unused[3];
  uint64_t trailer_hash;  // of the bytes before it
};
static_assert(sizeof(Trailer) == 64);

constexpr char kMagic[8] = {'H', 'L', 'M', 'D', 'A', 'T', 'A', '1'};

uint64_t HashOf(const Trailer& trailer) {
  return Hash64({reinterpret_cast<const char*>(&trailer), offsetof(Trailer, trailer_hash)});
}

}  // namespace

StoredFileWriter::StoredFileWriter(const std::string& path, uint32_t kind, uint32_t element_bytes, bool durable)
    : durable_(durable), kind_(kind), element_bytes_(element_bytes) {
  file_.emplace(path);
}

void StoredFileWriter::Append(const void* data, size_t bytes) {
  if (bytes == 0) return;
  file_->Append(data, bytes);
  hasher_.Add(data, bytes);
  bytes_ += bytes;
}

void StoredFileWriter::Finish() {
  Trailer trailer{};
  std::memcpy(trailer.magic, kMagic, sizeof(kMagic));
  trailer.kind = kind_;
  trailer.element_bytes = element_bytes_;
  trailer.count = bytes_ / element_bytes_;
  trailer.data_hash = hasher_.Digest();
  trailer.trailer_hash = HashOf(trailer);
  file_->Append(&trailer, sizeof(trailer));
  if (durable_) file_->Finish();
  file_.reset();
}

StoredFile::StoredFile(const std::string& path, uint32_t kind, uint32_t element_bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw FileError(errno, "open", path);
  struct stat status;
  const bool known = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  const size_t size = known ? static_cast<size_t>(status.st_size) : 0;
  if (size < sizeof(Trailer)) {
    close(fd);
    throw DataLoss(PrintablePath(path), ": ", size, " bytes; too short to be a file of the cache");
  }
  void* const data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  const int error_number = errno;
  close(fd);
  if (data == MAP_FAILED) throw FileError(error_number, "map", path);
  data_ = data;
  mapped_ = size;

  try {
    Trailer trailer;
    std::memcpy(&trailer, static_cast<const char*>(data) + size - sizeof(trailer), sizeof(trailer));
    if (std::memcmp(trailer.magic, kMagic, sizeof(kMagic)) != 0 || trailer.trailer_hash != HashOf(trailer)) {
      throw DataLoss(PrintablePath(path), ": its end is damaged");
    }
    if (trailer.kind != kind || trailer.element_bytes != element_bytes ||
        trailer.count > (size - sizeof(trailer)) / element_bytes || trailer.count * element_bytes + sizeof(trailer) != size) {
      throw DataLoss(PrintablePath(path), ": holds ", trailer.count, " elements of ", trailer.element_bytes,
                     " bytes, of the kind ", trailer.kind, ", in ", size, " bytes");
    }
    Hasher hasher;
    hasher.Add(data, size - sizeof(trailer));
    if (hasher.Digest() != trailer.data_hash) throw DataLoss(PrintablePath(path), ": its checksum is wrong");
    count_ = static_cast<int64_t>(trailer.count);
  } catch (...) {
    munmap(data_, mapped_);
    throw;
  }
}

StoredFile::~StoredFile() { munmap(data_, mapped_); }

}  // namespace hlm::dataset
