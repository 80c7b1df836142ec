// The merges of a BPE model: which two neighbouring tokens become one, and in which order.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_MERGES_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_MERGES_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/text/tokenizer/huge_pages.h"
#include "core/text/tokenizer/model.h"

namespace hlm {

class Merges {
 public:
  static constexpr uint32_t kNone =
      std::numeric_limits<int32_t>::max();  // as a signed number too: vectors of the oldest x86 compare so
  static constexpr uint32_t kUnknown = ~uint32_t{0};

  void Reserve(size_t merges);
  // In the order of the file: each has the next rank. Of equal pairs the last one's rank counts.
  void Add(int32_t left, int32_t right, int32_t merged);

  // kNone where the two are never merged.
  uint32_t Rank(int32_t left, int32_t right) const {
    const Slot* slot = Find(left, right);
    return slot == nullptr ? kNone : slot->rank;
  }
  int32_t Merged(uint32_t rank) const { return pairs_[rank].merged; }
  int32_t Left(uint32_t rank) const { return pairs_[rank].left; }
  int32_t Right(uint32_t rank) const { return pairs_[rank].right; }
  size_t size() const { return pairs_.size(); }

  // Merges symbols in place, the lowest rank first and of equals the leftmost, until no two neighbours can be merged; returns how
  // many are left. For at most kShort symbols: quadratic, and the fastest there is for words.
  // `ranks`: Rank of each symbol and its right neighbour, or kUnknown.
  static constexpr size_t kShort = 64;
  size_t MergeShort(std::span<int32_t> symbols, uint32_t* ranks) const;
  // The same with a heap, for any number, in O(n log n). Merged symbols get length 0.
  void MergeLong(std::vector<ModelScratch::Symbol>& symbols, std::vector<uint64_t>& heap) const;

 private:
  // All there is to know of a pair, in one line of memory.
  struct Slot {
    int32_t left = -1;  // none: free
    int32_t right = -1;
    int32_t merged = -1;
    uint32_t rank = kNone;
  };
  struct Pair {
    int32_t left, right, merged;
  };
  static uint64_t Hash(int32_t left, int32_t right) {
    return (uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right)) * 0x9e3779b97f4a7c15u;
  }
  // False of nearly all pairs that are never merged, by bits that a core's own cache holds, while the table is larger than that:
  // whether the left one is ever a left one and the right one a right one, and a bit for each pair's hash.
  bool Likely(int32_t left, int32_t right, uint64_t hash) const {
    if ((Bit(lefts_, static_cast<uint32_t>(left)) & Bit(rights_, static_cast<uint32_t>(right))) == 0) return false;
    return Bit(hashes_, hash >> (shift_ - kHashBits)) != 0;
  }
  static uint64_t Bit(const std::vector<uint64_t>& bits, uint64_t at) {
    return at / 64 < bits.size() ? bits[at / 64] >> (at % 64) & 1 : 0;
  }
  static void Set(std::vector<uint64_t>& bits, uint64_t at) {
    if (at / 64 >= bits.size()) bits.resize(at / 64 + 1);
    bits[at / 64] |= uint64_t{1} << (at % 64);
  }
  static constexpr int kHashBits = 3;  // eight bits a slot, one in twelve or fewer of which is set
  // nullptr where the two are never merged.
  const Slot* Find(int32_t left, int32_t right) const {
    const uint64_t hash = Hash(left, right);
    if (!Likely(left, right, hash)) return nullptr;
    for (size_t at = hash >> shift_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.left == left && slot.right == right) return &slot;
      if (slot.left < 0) return nullptr;
    }
  }
  // Asks memory for what Find will read.
  void Prefetch(int32_t left, int32_t right) const {
    const uint64_t hash = Hash(left, right);
    if (Likely(left, right, hash)) __builtin_prefetch(&slots_[hash >> shift_]);
  }
  void Grow(int bits);

  HugeVector<Slot> slots_ = HugeVector<Slot>(16);  // at most two thirds full: 4 MiB for 150,000 merges
  std::vector<Pair> pairs_;                        // by rank
  std::vector<uint64_t> lefts_, rights_;           // bits by id
  std::vector<uint64_t> hashes_;                   // bits by hash
  size_t used_ = 0;
  size_t mask_ = 15;
  int shift_ = 60;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_MERGES_H_
