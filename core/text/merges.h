// The merges of a BPE model: which two neighbouring tokens become one, and in which order.
#ifndef HORIZON_LM_CORE_TEXT_MERGES_H_
#define HORIZON_LM_CORE_TEXT_MERGES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/text/model.h"

namespace hlm {

class Merges {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  void Reserve(size_t merges);
  // In the order of the file: each has the next rank. Of equal pairs the last one's rank counts.
  void Add(int32_t left, int32_t right, int32_t merged);

  // kNone where the two are never merged.
  uint32_t Rank(int32_t left, int32_t right) const {
    const uint64_t key = uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
    for (size_t at = key * kMultiplier >> shift_;; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return slots_[at].rank;
      if (slots_[at].key == kFree) return kNone;
    }
  }
  int32_t Merged(uint32_t rank) const { return merged_[rank]; }
  size_t size() const { return merged_.size(); }

  // Merges symbols in place, the lowest rank first and of equals the leftmost, until no two neighbours can be merged; returns how
  // many are left. For at most kShort symbols: quadratic, and the fastest there is for words.
  static constexpr size_t kShort = 64;
  size_t MergeShort(std::span<int32_t> symbols) const;
  // The same with a heap, for any number, in O(n log n). Merged symbols get length 0.
  void MergeLong(std::vector<ModelScratch::Symbol>& symbols, std::vector<uint64_t>& heap) const;

 private:
  static constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15u;
  static constexpr uint64_t kFree = ~uint64_t{0};
  struct Slot {
    uint64_t key = kFree;
    uint32_t rank = 0;
    uint32_t unused = 0;
  };
  void Grow(int bits);

  std::vector<Slot> slots_ = std::vector<Slot>(16);  // at most half full
  std::vector<int32_t> merged_;                      // by rank
  size_t used_ = 0;
  size_t mask_ = 15;
  int shift_ = 60;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_MERGES_H_
