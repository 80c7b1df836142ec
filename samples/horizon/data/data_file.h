// Files of data, read by position. None is mapped: one that somebody cuts while it is in use is an error that names it, where a map
// would end the process. Token files may be larger than memory; their pages are the page cache's.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_DATA_FILE_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_DATA_FILE_H_

#include <cstddef>
#include <string>

namespace horizon {

class DataFile {
 public:
  explicit DataFile(const std::string& path);
  ~DataFile();
  DataFile(DataFile&& other) noexcept;
  DataFile& operator=(DataFile&& other) noexcept;

  const std::string& path() const { return path_; }
  size_t size() const { return size_; }  // when it was opened
  // Throws where the file ends first.
  void ReadAt(size_t offset, void* to, size_t bytes) const;

 private:
  std::string path_;
  int file_ = -1;
  size_t size_ = 0;
};

// The whole of a file, whatever is in it; of one that is packed by gzip or zstd, the text in it (packed_text.h).
std::string ReadWholeFile(const std::string& path);

// The whole of a small text file (a config.json), at most `limit` bytes. Throws where it holds a NUL.
std::string ReadTextFile(const std::string& path, size_t limit);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_DATA_FILE_H_
