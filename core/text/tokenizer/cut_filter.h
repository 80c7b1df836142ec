// Where a BPE can never merge across: pairs of neighbouring characters that no merged token holds side by side. Cutting a piece
// there changes no id, and makes short pieces, which are found in a cache.
//
// A token may hold parts of characters (of a byte-level vocabulary), so what stands on either side of a border inside a token is
// a whole character, or the last bytes of one at the token's beginning, or the first bytes of one at its end. Pairs are kept as
// bits of a hash (a Bloom filter with one function): a pair that is not there counts as there by chance, and costs a cut, nothing
// else. Borders beside parts of characters are few, and kept apart.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_CUT_FILTER_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_CUT_FILTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/base/utf8_text.h"

namespace hlm {

class CutFilter {
 public:
  // `tokens`: how many will be added, about.
  explicit CutFilter(size_t tokens);
  CutFilter() : CutFilter(0) {}

  // A token that merging can make, as the bytes that it stands for.
  void Add(std::string_view token);

  // The bytes of one character of a valid text, and their number.
  struct Char {
    uint32_t bytes;
    uint32_t length;
  };
  static Char At(std::string_view text, size_t at) {
    const size_t length = Utf8Length(text[at]);
    uint32_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, length);
    return {bytes, static_cast<uint32_t>(length)};
  }

  // False where `left` and `right`, side by side in a valid text, are never merged across.
  bool MayMerge(Char left, Char right) const {
    if ((left.bytes | right.bytes) < 128) return (ascii_[left.bytes * 2 + right.bytes / 64] >> (right.bytes % 64) & 1) != 0;
    return Has(bits_, shift_, left.bytes, right.bytes) || MayMergeParts(left, right);
  }

  // False where no token holds a part of one and something of the other: if they are merged across at all, then as whole characters.
  bool MayMergeParts(Char left, Char right) const { return parts_ != 0 && FindParts(left, right); }

 private:
  static uint32_t Suffix(Char c, uint32_t n) { return c.bytes >> (8 * (c.length - n)); }
  static uint32_t Prefix(Char c, uint32_t n) { return c.bytes & ((1u << (8 * n)) - 1); }
  static uint64_t BitOf(uint32_t left, uint32_t right, int shift) {
    return ((uint64_t{left} << 32 | right) * 0x9e3779b97f4a7c15u) >> shift;
  }
  static bool Has(const std::vector<uint64_t>& bits, int shift, uint32_t left, uint32_t right) {
    const uint64_t bit = BitOf(left, right, shift);
    return (bits[bit / 64] >> (bit % 64) & 1) != 0;
  }
  bool FindParts(Char left, Char right) const;

  std::array<uint64_t, 256> ascii_{};  // of two characters below U+0080 a bit each: most borders are of this kind
  std::vector<uint64_t> bits_, part_bits_;
  int shift_, part_shift_;
  uint32_t parts_ = 0;  // bit 4 s + p: some border has s last bytes before it (0: a whole character) and p first ones behind it
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_CUT_FILTER_H_
