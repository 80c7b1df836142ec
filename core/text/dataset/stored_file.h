// A file of one array with a checksum behind it: written once, read by position.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_STORED_FILE_H_
#define HORIZON_LM_CORE_TEXT_DATASET_STORED_FILE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/io/file.h"
#include "core/text/dataset/hash.h"

namespace hlm::dataset {

// The array comes first; then 64 bytes: magic "HLMDATA1", kind, bytes of an element,
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

// Read by position, not mapped: a file that somebody cuts while it is in use is an error that names it, where a map would end the
// process. Its pages are the page cache's and may be more than memory.
class StoredFile {
 public:
  // Reads the whole file once. DATA_LOSS where it is cut, damaged, or of another kind.
  StoredFile(const std::string& path, uint32_t kind, uint32_t element_bytes);

  int64_t count() const { return count_; }
  // Elements [first, first + n). DATA_LOSS where the file has become shorter.
  void Read(int64_t first, int64_t n, void* out) const;
  template <class T>
  std::vector<T> ReadAll() const {
    std::vector<T> all(static_cast<size_t>(count_));
    Read(0, count_, all.data());
    return all;
  }

 private:
  InputFile file_;
  uint32_t element_bytes_;
  int64_t count_ = 0;
};

// Elements of a file that are asked for in rising order, or nearly so. One thread at a time.
template <class T>
class StoredWindow {
 public:
  explicit StoredWindow(const StoredFile& file) : file_(file) {}

  // Valid until the next call.
  const T& At(int64_t i) {
    if (i < begin_ || i >= begin_ + static_cast<int64_t>(elements_.size())) {
      constexpr int64_t kElements = (64 << 10) / sizeof(T);
      elements_.clear();  // nothing is held where the reading fails
      std::vector<T> elements(static_cast<size_t>(std::min(kElements, file_.count() - i)));
      file_.Read(i, static_cast<int64_t>(elements.size()), elements.data());
      elements_ = std::move(elements);
      begin_ = i;
    }
    return elements_[static_cast<size_t>(i - begin_)];
  }

 private:
  const StoredFile& file_;
  int64_t begin_ = 0;
  std::vector<T> elements_;
};

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_STORED_FILE_H_
