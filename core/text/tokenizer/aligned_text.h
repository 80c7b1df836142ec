// A text under change that remembers which bytes of the original each of its bytes came from.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_ALIGNED_TEXT_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_ALIGNED_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hlm {

struct Origin {
  uint32_t begin, end;  // bytes of the original text: whole characters
};

struct AlignedText {
  std::string text;
  bool tracked = false;
  std::vector<Origin> origins;  // one a byte where tracked, else empty
  int64_t* left = nullptr;      // bytes that normalizers may still make; null: as many as they like

  void Clear(bool track) {
    text.clear();
    origins.clear();
    tracked = track;
  }
  // original[begin, end), each byte from its character.
  void AppendOriginal(std::string_view original, size_t begin, size_t end);
  // from[begin, end) as it is.
  void Keep(const AlignedText& from, size_t begin, size_t end);
  // `with` in place of from[begin, end); an insertion (begin == end) belongs to the character before it, at the beginning to the
  // one behind it.
  void Replace(const AlignedText& from, size_t begin, size_t end, std::string_view with);
  // `with` before from[0, first) with which it shares the origin.
  void Prepend(const AlignedText& from, size_t first, std::string_view with);
  // Counts bytes that are made; INVALID_ARGUMENT where there are too many.
  void Make(size_t bytes) const {
    if (left != nullptr && (*left -= static_cast<int64_t>(bytes)) < 0) [[unlikely]]
      FailMake();
  }
  // Where the bytes [begin, end) came from; begin < end, tracked.
  Origin OriginOf(size_t begin, size_t end) const;

 private:
  [[noreturn]] static void FailMake();
};

// What the normalizers of a file may make of a text, all together: each may be one of many, and they may double it each time.
inline constexpr int64_t kMadeBytes = int64_t{16} << 20, kMadeBytesAByte = 512;

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_ALIGNED_TEXT_H_
