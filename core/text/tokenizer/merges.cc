#include "core/text/tokenizer/merges.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace hlm {

void Merges::Grow(int bits) {
  HugeVector<Slot> old(size_t{1} << bits);
  std::swap(old, slots_);
  mask_ = slots_.size() - 1;
  shift_ = 64 - bits;
  hashes_.assign(slots_.size() << kHashBits >> 6, 0);
  for (const Slot& slot : old) {
    if (slot.left < 0) continue;
    const uint64_t hash = Hash(slot.left, slot.right);
    Set(hashes_, hash >> (shift_ - kHashBits));
    size_t at = hash >> shift_;
    while (slots_[at].left >= 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

void Merges::Reserve(size_t merges) {
  int bits = 64 - shift_;
  while ((size_t{1} << bits) * 2 < merges * 3) ++bits;
  if (bits > 64 - shift_) Grow(bits);
  pairs_.reserve(merges);
}

void Merges::Add(int32_t left, int32_t right, int32_t merged) {
  if ((used_ + 1) * 3 > slots_.size() * 2) Grow(64 - shift_ + 1);
  const uint64_t hash = Hash(left, right);
  size_t at = hash >> shift_;
  while (slots_[at].left >= 0 && !(slots_[at].left == left && slots_[at].right == right)) at = (at + 1) & mask_;
  used_ += slots_[at].left < 0;
  slots_[at] = {left, right, merged, static_cast<uint32_t>(pairs_.size())};
  Set(lefts_, static_cast<uint32_t>(left));
  Set(rights_, static_cast<uint32_t>(right));
  Set(hashes_, hash >> (shift_ - kHashBits));
  pairs_.push_back({left, right, merged});
}

size_t Merges::MergeShort(std::span<int32_t> symbols, uint32_t* ranks) const {
  size_t n = symbols.size();
  if (n < 2) return n;
  int32_t merged[kShort];  // of each symbol and its right neighbour; -1: pairs_ has it
  const auto look = [&](size_t i) {
    const Slot* slot = Find(symbols[i], symbols[i + 1]);
    ranks[i] = slot == nullptr ? kNone : slot->rank;
    if (slot != nullptr) merged[i] = slot->merged;
  };
  // The table is larger than a core's own cache: what is asked for is on its way while other things are done.
  for (size_t i = 0; i + 1 < n; ++i) {
    merged[i] = -1;
    if (ranks[i] == kUnknown) {
      Prefetch(symbols[i], symbols[i + 1]);
    } else if (ranks[i] != kNone) {
      __builtin_prefetch(&pairs_[ranks[i]]);
    }
  }
  for (size_t i = 0; i + 1 < n; ++i) {
    if (ranks[i] == kUnknown) look(i);
  }
  while (n > 1) {
    int32_t lowest = static_cast<int32_t>(kNone);
    for (size_t i = 0; i + 1 < n; ++i) lowest = std::min(lowest, static_cast<int32_t>(ranks[i]));
    if (lowest == static_cast<int32_t>(kNone)) break;
    const size_t at = static_cast<size_t>(std::find(ranks, ranks + n - 1, static_cast<uint32_t>(lowest)) - ranks);
    const int32_t whole = merged[at] >= 0 ? merged[at] : pairs_[static_cast<size_t>(lowest)].merged;
    symbols[at] = whole;
    if (at > 0) Prefetch(symbols[at - 1], whole);
    if (at + 2 < n) Prefetch(whole, symbols[at + 2]);
    --n;
    for (size_t i = at + 1; i < n; ++i) symbols[i] = symbols[i + 1];
    for (size_t i = at + 1; i + 1 < n; ++i) ranks[i] = ranks[i + 1];
    for (size_t i = at + 1; i + 1 < n; ++i) merged[i] = merged[i + 1];
    if (at > 0) look(at - 1);
    if (at + 1 < n) look(at);
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
  constexpr uint32_t kAhead = 16;
  for (uint32_t i = 0; i + 1 < n; ++i) {
    if (i + kAhead + 1 < n) Prefetch(symbols[i + kAhead].id, symbols[i + kAhead + 1].id);
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
    symbol.id = pairs_[rank].merged;
    symbol.length += right.length;
    right.length = 0;
    symbol.next = right.next;
    if (symbol.next < n) symbols[symbol.next].previous = at;
    if (symbol.previous < n) offer(symbol.previous, at);
    if (symbol.next < n) offer(at, symbol.next);
  }
}

}  // namespace hlm
