#include "core/text/merges.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

namespace hlm {

void Merges::Grow(int bits) {
  std::vector<Slot> old(size_t{1} << bits);
  std::swap(old, slots_);
  mask_ = slots_.size() - 1;
  shift_ = 64 - bits;
  hashes_.assign(slots_.size() << kHashBits >> 6, 0);
  for (const Slot& slot : old) {
    if (slot.rank == kNone) continue;
    const uint64_t hash = Hash(pairs_[slot.rank].left, pairs_[slot.rank].right);
    Set(hashes_, hash >> (shift_ - kHashBits));
    size_t at = hash >> shift_;
    for (; slots_[at].rank != kNone; at = (at + 1) & mask_) ambiguous_ |= slots_[at].tag == slot.tag;
    slots_[at] = slot;
  }
}

void Merges::Reserve(size_t merges) {
  int bits = 64 - shift_;
  while ((size_t{1} << bits) < merges * 2) ++bits;
  if (bits > 64 - shift_) Grow(bits);
  pairs_.reserve(merges);
}

void Merges::Add(int32_t left, int32_t right, int32_t merged) {
  if ((used_ + 1) * 2 > slots_.size()) Grow(64 - shift_ + 1);
  const uint64_t hash = Hash(left, right);
  const auto tag = static_cast<uint32_t>(hash);
  size_t at = hash >> shift_;
  while (slots_[at].rank != kNone &&
         !(slots_[at].tag == tag && pairs_[slots_[at].rank].left == left && pairs_[slots_[at].rank].right == right)) {
    ambiguous_ |= slots_[at].tag == tag;
    at = (at + 1) & mask_;
  }
  used_ += slots_[at].rank == kNone;
  slots_[at] = {static_cast<uint32_t>(pairs_.size()), tag};
  Set(lefts_, static_cast<uint32_t>(left));
  Set(rights_, static_cast<uint32_t>(right));
  Set(hashes_, hash >> (shift_ - kHashBits));
  pairs_.push_back({left, right, merged});
}

size_t Merges::MergeShort(std::span<int32_t> symbols) const {
  size_t n = symbols.size();
  if (n < 2) return n;
  // Of each symbol and its right neighbour; signed and with the largest number for none, as vectors of the oldest x86 compare so.
  int32_t ranks[kShort];
  constexpr int32_t kNever = std::numeric_limits<int32_t>::max();
  const auto rank = [&](size_t i) {
    const uint32_t found = Guess(symbols[i], symbols[i + 1]);
    if (found == kNone) return kNever;
    __builtin_prefetch(&pairs_[found]);
    return static_cast<int32_t>(found);
  };
  // The table is larger than a core's own cache: what is asked for is on its way while other things are done.
  for (size_t i = 0; i + 1 < n; ++i) Prefetch(symbols[i], symbols[i + 1]);
  for (size_t i = 0; i + 1 < n; ++i) ranks[i] = rank(i);
  while (n > 1) {
    int32_t lowest = kNever;
    for (size_t i = 0; i + 1 < n; ++i) lowest = std::min(lowest, ranks[i]);
    if (lowest == kNever) break;
    const size_t at = static_cast<size_t>(std::find(ranks, ranks + n - 1, lowest) - ranks);
    const Pair& pair = pairs_[static_cast<size_t>(lowest)];
    if (pair.left != symbols[at] || pair.right != symbols[at + 1]) {
      ranks[at] = kNever;
      continue;
    }
    symbols[at] = pair.merged;
    if (at > 0) Prefetch(symbols[at - 1], pair.merged);
    if (at + 2 < n) Prefetch(pair.merged, symbols[at + 2]);
    --n;
    for (size_t i = at + 1; i < n; ++i) symbols[i] = symbols[i + 1];
    for (size_t i = at + 1; i + 1 < n; ++i) ranks[i] = ranks[i + 1];
    if (at > 0) ranks[at - 1] = rank(at - 1);
    if (at + 1 < n) ranks[at] = rank(at);
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
