#include "core/text/tokenizer/byte_trie.h"

#include <algorithm>

namespace hlm {

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, int32_t>> entries) : nodes_(1), root_(256) {
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // Ranges of entries that share a beginning, each with its node; not recursive, as strings may be long.
  struct Range {
    size_t begin, end, depth;
    uint32_t node;
  };
  std::vector<Range> open{{0, entries.size(), 0, 0}};
  while (!open.empty()) {
    const Range range = open.back();
    open.pop_back();
    size_t begin = range.begin;
    while (begin < range.end && entries[begin].first.size() == range.depth) nodes_[range.node].value = entries[begin++].second;
    const auto first = static_cast<uint32_t>(nodes_.size());
    for (size_t at = begin; at < range.end;) {
      const char label = entries[at].first[range.depth];
      size_t end = at + 1;
      while (end < range.end && entries[end].first[range.depth] == label) ++end;
      const auto child = static_cast<uint32_t>(nodes_.size());
      nodes_.push_back({-1, 0, 0, static_cast<unsigned char>(label)});
      open.push_back({at, end, range.depth + 1, child});
      if (range.depth == 0) root_[static_cast<unsigned char>(label)] = child;
      at = end;
    }
    nodes_[range.node].first_child = first;
    nodes_[range.node].children = static_cast<uint16_t>(nodes_.size() - first);
  }
  if (nodes_[0].children == 1) only_ = nodes_[nodes_[0].first_child].label;
}

uint32_t ByteTrie::Child(uint32_t node, unsigned char label) const {
  const Node* first = nodes_.data() + nodes_[node].first_child;
  const Node* last = first + nodes_[node].children;
  if (last - first > 8) {
    first = std::lower_bound(first, last, label, [](const Node& child, unsigned char wanted) { return child.label < wanted; });
    return first != last && first->label == label ? static_cast<uint32_t>(first - nodes_.data()) : 0;
  }
  for (; first != last; ++first) {
    if (first->label == label) return static_cast<uint32_t>(first - nodes_.data());
  }
  return 0;
}

}  // namespace hlm
