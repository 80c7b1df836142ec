#include "core/text/merges.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace hlm {

void Merges::Grow(int bits) {
  std::vector<Slot> old(size_t{1} << bits);
  std::swap(old, slots_);
  mask_ = slots_.size() - 1;
  shift_ = 64 - bits;
  for (const Slot& slot : old) {
    if (slot.key == kFree) continue;
    size_t at = slot.key * kMultiplier >> shift_;
    while (slots_[at].key != kFree) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

void Merges::Reserve(size_t merges) {
  int bits = 64 - shift_;
  while ((size_t{1} << bits) < merges * 2) ++bits;
  if (bits > 64 - shift_) Grow(bits);
  merged_.reserve(merges);
}

void Merges::Add(int32_t left, int32_t right, int32_t merged) {
  if ((used_ + 1) * 2 > slots_.size()) Grow(64 - shift_ + 1);
  const uint64_t key = uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  size_t at = key * kMultiplier >> shift_;
  while (slots_[at].key != kFree && slots_[at].key != key) at = (at + 1) & mask_;
  used_ += slots_[at].key == kFree;
  slots_[at].key = key;
  slots_[at].rank = static_cast<uint32_t>(merged_.size());
  merged_.push_back(merged);
}

size_t Merges::MergeShort(std::span<int32_t> symbols) const {
  size_t n = symbols.size();
  if (n < 2) return n;
  uint32_t ranks[kShort];  // of each symbol and its right neighbour
  for (size_t i = 0; i + 1 < n; ++i) ranks[i] = Rank(symbols[i], symbols[i + 1]);
  while (n > 1) {
    uint32_t lowest = kNone;
    for (size_t i = 0; i + 1 < n; ++i) lowest = std::min(lowest, ranks[i]);
    if (lowest == kNone) break;
    const size_t at = static_cast<size_t>(std::find(ranks, ranks + n - 1, lowest) - ranks);
    symbols[at] = merged_[lowest];
    --n;
    for (size_t i = at + 1; i < n; ++i) symbols[i] = symbols[i + 1];
    for (size_t i = at + 1; i + 1 < n; ++i) ranks[i] = ranks[i + 1];
    if (at + 1 < n) ranks[at] = Rank(symbols[at], symbols[at + 1]);
    if (at > 0) ranks[at - 1] = Rank(symbols[at - 1], symbols[at]);
  }
  return n;
}

void Merges::MergeLong(std::vector<ModelScratch::Symbol>& symbols, std::vector<uint64_t>& heap) const {
  const auto n = static_cast<uint32_t>(symbols.size());
  for (uint32_t i = 0; i < n; ++i) {
    symbols[i].previous = i - 1;  // of the first: no symbol's number
    symbols[i].next = i + 1;
  }
  // The lowest rank first, of equals the leftmost: one number that orders so.
  heap.clear();
  for (uint32_t i = 0; i + 1 < n; ++i) {
    const uint32_t rank = Rank(symbols[i].id, symbols[i + 1].id);
    if (rank != kNone) heap.push_back(uint64_t{rank} << 32 | i);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto offer = [&](uint32_t left, uint32_t right) {
    const uint32_t rank = Rank(symbols[left].id, symbols[right].id);
    if (rank == kNone) return;
    heap.push_back(uint64_t{rank} << 32 | left);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    const uint64_t top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
    const auto at = static_cast<uint32_t>(top);
    ModelScratch::Symbol& symbol = symbols[at];
    if (symbol.length == 0 || symbol.next >= n) continue;
    ModelScratch::Symbol& right = symbols[symbol.next];
    // What has changed since the pair was put in the heap is no longer this pair; its new form is in the heap as well.
    const auto rank = static_cast<uint32_t>(top >> 32);
    if (Rank(symbol.id, right.id) != rank) continue;
    symbol.id = merged_[rank];
    symbol.length += right.length;
    right.length = 0;
    symbol.next = right.next;
    if (symbol.next < n) symbols[symbol.next].previous = at;
    if (symbol.previous < n) offer(symbol.previous, at);
    if (symbol.next < n) offer(at, symbol.next);
  }
}

}  // namespace hlm
