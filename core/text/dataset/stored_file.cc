#include "core/text/dataset/stored_file.h"

#include <algorithm>
#include <cstring>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"

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

StoredFile::StoredFile(const std::string& path, uint32_t kind, uint32_t element_bytes)
    : file_(path), element_bytes_(element_bytes) {
  const auto size = static_cast<uint64_t>(file_.size());
  if (size < sizeof(Trailer))
    throw DataLoss(PrintablePath(path), ": ", Counted(size, "byte"), "; too short to be a file of the cache");
  const uint64_t data = size - sizeof(Trailer);
  Trailer trailer;
  file_.ReadAt(static_cast<int64_t>(data), &trailer, sizeof(trailer));
  if (std::memcmp(trailer.magic, kMagic, sizeof(kMagic)) != 0 || trailer.trailer_hash != HashOf(trailer)) {
    throw DataLoss(PrintablePath(path), ": its end is damaged");
  }
  if (trailer.kind != kind || trailer.element_bytes != element_bytes || trailer.count > data / element_bytes ||
      trailer.count * element_bytes != data) {
    throw DataLoss(PrintablePath(path), ": holds ", trailer.count, " elements of ", trailer.element_bytes, " bytes, of the kind ",
                   trailer.kind, ", in ", size, " bytes");
  }
  Hasher hasher;
  std::vector<char> part(static_cast<size_t>(std::clamp<uint64_t>(data, 1, 4 << 20)));
  for (uint64_t at = 0; at < data; at += part.size()) {
    const size_t bytes = std::min<uint64_t>(data - at, part.size());
    file_.ReadAt(static_cast<int64_t>(at), part.data(), bytes);
    hasher.Add(part.data(), bytes);
  }
  if (hasher.Digest() != trailer.data_hash) throw DataLoss(PrintablePath(path), ": its checksum is wrong");
  count_ = static_cast<int64_t>(trailer.count);
}

void StoredFile::Read(int64_t first, int64_t n, void* out) const {
  HLM_CHECK(first >= 0 && n >= 0 && first + n <= count_, first, " ", n);
  if (n > 0) file_.ReadAt(first * element_bytes_, out, static_cast<size_t>(n) * element_bytes_);
}

}  // namespace hlm::dataset
