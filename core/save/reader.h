// CheckpointReader: the arrays of one checkpoint, each verified as it is read.
#ifndef HORIZON_LM_CORE_SAVE_READER_H_
#define HORIZON_LM_CORE_SAVE_READER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/save/manifest.h"

namespace hlm {

class CheckpointReader {
 public:
  // Opens every file and checks that it is there, its size, and the sum of everything but the arrays. DATA_LOSS naming the file.
  CheckpointReader(std::string folder, Manifest manifest);

  const Manifest& manifest() const { return manifest_; }
  const std::string& folder() const { return folder_; }

  // Reads an array of units[unit] into `to`, which holds its bytes; DATA_LOSS naming file and array where its sum does not fit
  // (the bytes at `to` are then of no use). nullptr: only verifies. Thread-safe.
  void Read(size_t unit, const StoredArray& array, void* to) const;

  // The same, some bytes at a time: sink(from which byte of the array, bytes, how many).
  using Sink = std::function<void(int64_t begin, const std::byte* data, size_t bytes)>;
  void ReadInto(size_t unit, const StoredArray& array, const Sink& sink) const;

  // Elements of an array, not verified. Thread-safe.
  void ReadElements(size_t unit, const StoredArray& array, int64_t first, int64_t n, void* to) const;

 private:
  void CheckSum(size_t unit, const StoredArray& array, uint64_t sum) const;

  std::string folder_;
  Manifest manifest_;
  std::vector<std::unique_ptr<InputFile>> files_;  // [units]
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_READER_H_
