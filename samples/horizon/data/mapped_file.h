// A file mapped read-only. Token files may be larger than memory; their pages stay the page cache's, not ours.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_MAPPED_FILE_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_MAPPED_FILE_H_

#include <cstddef>
#include <string>

namespace horizon {

class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  const std::string& path() const { return path_; }
  const unsigned char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::string path_;
  const unsigned char* data_ = nullptr;
  size_t size_ = 0;
};

// The whole of a small text file (a config.json), at most `limit` bytes. Throws where it holds a NUL.
std::string ReadTextFile(const std::string& path, size_t limit);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_MAPPED_FILE_H_
