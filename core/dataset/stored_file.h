// A file of one array with a checksum behind it: written once, read by mapping it.
#ifndef HORIZON_LM_CORE_DATASET_STORED_FILE_H_
#define HORIZON_LM_CORE_DATASET_STORED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/dataset/hash.h"
#include "core/model/file.h"

namespace hlm::dataset {

// The array comes first, so it is aligned wherever it is mapped; then 64 bytes: magic "HLMDATA1", kind, bytes of an element,
// elements, a hash of the array, a hash of these 56 bytes before it.
class StoredFileWriter {
 public:
  // `durable`: Finish waits until it is on the medium.
  StoredFileWriter(const std::string& path, uint32_t kind, uint32_t element_bytes, bool durable = true);

  void Append(const void* data, size_t bytes);  // whole elements
  void Finish();                                // the trailer; nothing is appended afterwards
  uint64_t bytes() const { return bytes_; }

 private:
  std::optional<OutputFile> file_;
  bool durable_;
  Hasher hasher_;
  uint32_t kind_, element_bytes_;
  uint64_t bytes_ = 0;
};

// Mapped read-only; its pages are the page cache's and may be more than memory.
class StoredFile {
 public:
  // Reads the whole file once. DATA_LOSS where it is cut, damaged, or of another kind.
  StoredFile(const std::string& path, uint32_t kind, uint32_t element_bytes);
  ~StoredFile();
  StoredFile(const StoredFile&) = delete;
  StoredFile& operator=(const StoredFile&) = delete;

  const void* data() const { return data_; }
  int64_t count() const { return count_; }
  template <class T>
  std::span<const T> As() const {
    return {static_cast<const T*>(data_), static_cast<size_t>(count_)};
  }

 private:
  void* data_ = nullptr;
  size_t mapped_ = 0;
  int64_t count_ = 0;
};

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_DATASET_STORED_FILE_H_
