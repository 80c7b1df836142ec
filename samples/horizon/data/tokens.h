// A file of token ids or labels: a .npy array, or a text, whose bytes are the ids or which somebody else makes ids of. A text may be
// packed (.txt.gz, .txt.zst).
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_TOKENS_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_TOKENS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "samples/horizon/data/data_file.h"
#include "samples/horizon/data/npy.h"

namespace horizon {

// As in Hugging Face: a label that is not predicted.
inline constexpr int32_t kIgnoredLabel = -100;

// The ids of a text file.
using TextReader = std::function<std::vector<int32_t>(const std::string& path)>;

class TokenFile {
 public:
  // Takes the format from the name's end, .npy or .txt. `text` makes ids of a .txt file; without it its bytes are the ids.
  explicit TokenFile(const std::string& path, const TextReader& text = nullptr);

  const std::string& path() const { return file_.path(); }
  Element element() const { return element_; }
  const std::vector<int64_t>& shape() const { return shape_; }  // one or two dimensions
  int64_t size() const { return size_; }

  int64_t At(int64_t index) const;
  // Copies elements [begin, begin + out.size()); the values must fit in int32 (CheckIds or CheckLabels has seen to it).
  void Copy(int64_t begin, std::span<int32_t> out) const;

  // Throws where an id is outside [0, vocab_size), naming value, limit and place. Returns a hash of all elements (XXH3), which are read for
  // it anyway.
  uint64_t CheckIds(int64_t vocab_size) const;

  // Throws where a label is neither in [0, vocab_size) nor -100. Elements at multiples of `row_length` are never used (a row's
  // first label) and may be anything. Returns such a hash.
  uint64_t CheckLabels(int64_t vocab_size, int64_t row_length) const;

 private:
  std::string Place(int64_t index) const;  // "row 3, column 17" or "position 1029"

  // The elements, where they are in memory; nullptr: they are read from the file.
  const unsigned char* InMemory() const;
  void Read(int64_t begin, int64_t n, unsigned char* out) const;
  // The first index whose element `bad` rejects, or -1; then `hash` is that of all elements.
  template <class Bad>
  int64_t FirstBad(uint64_t& hash, Bad bad) const;

  DataFile file_;
  std::vector<int32_t> text_ids_;  // a text's, where somebody else made them
  std::string unpacked_;           // a text that was packed, where its bytes are the ids
  Element element_ = Element::kUint8;
  std::vector<int64_t> shape_;
  int64_t size_ = 0;
  size_t data_offset_ = 0;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_TOKENS_H_
