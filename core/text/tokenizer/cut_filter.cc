#include "core/text/tokenizer/cut_filter.h"

#include <algorithm>

namespace hlm {

// Thirty-two bits a token, of which a few are set: 1 MiB for 250,000 tokens, near a core's own cache.
CutFilter::CutFilter(size_t tokens) {
  int bits = 12;
  while ((size_t{1} << bits) < tokens * 32 && bits < 24) ++bits;
  bits_.resize((size_t{1} << bits) / 64);
  shift_ = 64 - bits;
  const int part_bits = std::max(bits - 3, 12);
  part_bits_.resize((size_t{1} << part_bits) / 64);
  part_shift_ = 64 - part_bits;
}

void CutFilter::Add(std::string_view token) {
  for (size_t at = 1; at < token.size(); ++at) {
    if (IsContinuation(token[at])) continue;
    const auto before = static_cast<unsigned char>(token[at - 1]), behind = static_cast<unsigned char>(token[at]);
    if ((before | behind) < 128) {
      ascii_[before * 2u + behind / 64u] |= uint64_t{1} << (behind % 64);
      continue;
    }
    // Before the border: back to the beginning of a character, or of the token.
    size_t begin = at - 1;
    while (begin > 0 && IsContinuation(token[begin])) --begin;
    const bool whole_left = !IsContinuation(token[begin]);
    const size_t left_bytes = at - begin;
    if (whole_left ? Utf8Length(token[begin]) != left_bytes : left_bytes > 3) continue;  // in no valid text
    const size_t length = Utf8Length(token[at]);
    const size_t right_bytes = std::min(length, token.size() - at);
    uint32_t left = 0, right = 0;
    std::memcpy(&left, token.data() + begin, left_bytes);
    std::memcpy(&right, token.data() + at, right_bytes);
    const size_t s = whole_left ? 0 : left_bytes, p = right_bytes == length ? 0 : right_bytes;
    if (s + p != 0) parts_ |= 1u << (4 * s + p);
    const uint64_t bit = BitOf(left, right, s + p != 0 ? part_shift_ : shift_);
    (s + p != 0 ? part_bits_ : bits_)[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

bool CutFilter::FindParts(Char left, Char right) const {
  for (uint32_t s = 0; s < left.length && s < 4; ++s) {
    for (uint32_t p = s == 0 ? 1 : 0; p < right.length && p < 4; ++p) {
      if ((parts_ >> (4 * s + p) & 1) == 0) continue;
      const uint32_t before = s == 0 ? left.bytes : Suffix(left, s), behind = p == 0 ? right.bytes : Prefix(right, p);
      if (Has(part_bits_, part_shift_, before, behind)) return true;
    }
  }
  return false;
}

}  // namespace hlm
