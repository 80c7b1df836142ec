// The text of a file from its first byte to its last: as it is, or unpacked where the file is gzip or zstd.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_TEXT_FILE_H_
#define HORIZON_LM_CORE_TEXT_DATASET_TEXT_FILE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/io/file.h"

namespace hlm::dataset {

// A name without the .gz or .zst at its end: what it says of the text inside.
std::string_view NameOfText(std::string_view path);

// UNIMPLEMENTED: the file or folder is `what`, and who reads it.
Error NeedsPyArrow(const std::string& path, const char* what);

class TextFile {
 public:
  // What the file is, its first bytes say: gzip of one or several members, zstd of one or several frames, else text. INVALID_ARGUMENT
  // where the name ends in .gz or .zst and the file is neither; UNIMPLEMENTED for other compressions and for Parquet and Arrow.
  explicit TextFile(const std::string& path);
  ~TextFile();

  // The next bytes, at least one and at most `bytes`; 0 at the end. DATA_LOSS, naming the place, where the file is cut short or
  // damaged; RESOURCE_EXHAUSTED for zstd that asks for more memory than kMostWindowBytes.
  size_t Read(void* to, size_t bytes);

  static constexpr size_t kMostWindowBytes = size_t{1} << 27;  // what a frame of zstd may look back

  class Unpacker;

 private:
  InputFile file_;
  std::unique_ptr<Unpacker> unpacker_;  // nullptr: the file is text
  int64_t position_ = 0;
};

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_TEXT_FILE_H_
