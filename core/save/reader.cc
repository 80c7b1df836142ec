#include "core/save/reader.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/save/checksum.h"

namespace hlm {
namespace {

constexpr int64_t kPiece = int64_t{1} << 20;  // read and then summed, out of the cache

// A file that is not there, or is something else, is as lost as one that cannot be read.
std::unique_ptr<InputFile> OpenSized(const std::string& path, int64_t bytes) {
  std::unique_ptr<InputFile> file;
  try {
    file = std::make_unique<InputFile>(path);
  } catch (const Error& error) {
    if (error.code() == Code::kNotFound || error.code() == Code::kInvalidArgument) throw DataLoss(error.message());
    throw;
  }
  if (file->size() != bytes) throw DataLoss(PrintablePath(path), ": has ", file->size(), " bytes, the manifest says ", bytes);
  return file;
}

// The sum of bytes [begin, begin + bytes) of a file, read into `to` where it is not null.
uint64_t SumOf(const InputFile& file, int64_t begin, int64_t bytes, std::byte* to) {
  std::vector<std::byte> buffer(to != nullptr ? 0 : static_cast<size_t>(std::min(bytes, kPiece)));
  Checksum sum;
  for (int64_t done = 0; done < bytes; done += kPiece) {
    const auto n = static_cast<size_t>(std::min(kPiece, bytes - done));
    std::byte* piece = to != nullptr ? to + done : buffer.data();
    file.ReadAt(begin + done, piece, n);
    sum.Add(piece, n);
  }
  return sum.Get();
}

}  // namespace

CheckpointReader::CheckpointReader(std::string folder, Manifest manifest)
    : folder_(std::move(folder)), manifest_(std::move(manifest)) {
  for (const StoredUnit& unit : manifest_.units) {
    files_.push_back(OpenSized(folder_ + "/" + unit.file, unit.bytes));
    if (SumOf(*files_.back(), 0, unit.header_bytes, nullptr) != unit.header_sum) {
      throw DataLoss(PrintablePath(files_.back()->path()), ": the checksum of its header does not fit");
    }
  }
  for (const StoredFile& file : manifest_.files) {
    const auto opened = OpenSized(folder_ + "/" + file.name, file.bytes);
    if (SumOf(*opened, 0, file.bytes, nullptr) != file.sum)
      throw DataLoss(PrintablePath(opened->path()), ": its checksum does not fit");
  }
}

void CheckpointReader::Read(size_t unit, const StoredArray& array, void* to) const {
  CheckSum(unit, array, SumOf(*files_[unit], array.begin, array.Bytes(), static_cast<std::byte*>(to)));
}

void CheckpointReader::ReadInto(size_t unit, const StoredArray& array, const Sink& sink) const {
  std::vector<std::byte> buffer(static_cast<size_t>(std::min(array.Bytes(), kPiece)));
  Checksum sum;
  for (int64_t done = 0; done < array.Bytes(); done += kPiece) {
    const auto n = static_cast<size_t>(std::min(kPiece, array.Bytes() - done));
    files_[unit]->ReadAt(array.begin + done, buffer.data(), n);
    sum.Add(buffer.data(), n);
    sink(done, buffer.data(), n);
  }
  CheckSum(unit, array, sum.Get());
}

void CheckpointReader::CheckSum(size_t unit, const StoredArray& array, uint64_t sum) const {
  if (sum == array.sum) return;
  throw DataLoss(PrintablePath(files_[unit]->path()), ": the checksum of ", Name(array.kind), " of part ", array.part,
                 " does not fit");
}

void CheckpointReader::ReadElements(size_t unit, const StoredArray& array, int64_t first, int64_t n, void* to) const {
  HLM_CHECK(first >= 0 && n >= 0 && first <= array.elements - n, first, " ", n);
  const auto size = static_cast<int64_t>(SizeOf(array.type));
  files_[unit]->ReadAt(array.begin + first * size, to, static_cast<size_t>(n * size));
}

}  // namespace hlm
