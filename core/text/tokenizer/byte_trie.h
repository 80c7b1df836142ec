// Byte strings by their common beginnings. Made once from sorted strings; the children of a node lie side by side.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_BYTE_TRIE_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_BYTE_TRIE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace hlm {

class ByteTrie {
 public:
  // Strings that are not empty and their values, which are not negative; in any order. Of equal strings the last one's value
  // counts.
  explicit ByteTrie(std::vector<std::pair<std::string_view, int32_t>> entries);
  ByteTrie() : ByteTrie(std::vector<std::pair<std::string_view, int32_t>>()) {}

  bool empty() const { return nodes_.size() == 1; }
  // The first place at or behind `from` where the text goes on as some string begins; its end where there is none.
  size_t NextBegin(std::string_view text, size_t from) const {
    if (only_ >= 0) {
      const size_t found = from < text.size() ? text.find(static_cast<char>(only_), from) : std::string_view::npos;
      return found == std::string_view::npos ? text.size() : found;
    }
    while (from < text.size() && root_[static_cast<unsigned char>(text[from])] == 0) ++from;
    return from;
  }

  // Calls found(length, value) for each string that text[from, ...) begins with, the shortest first.
  template <class Found>
  void ForEachPrefix(std::string_view text, size_t from, const Found& found) const {
    uint32_t node = from < text.size() ? root_[static_cast<unsigned char>(text[from])] : 0;
    for (size_t at = from + 1; node != 0; ++at) {
      if (nodes_[node].value >= 0) found(at - from, nodes_[node].value);
      if (at >= text.size()) return;
      node = Child(node, static_cast<unsigned char>(text[at]));
    }
  }

 private:
  struct Node {
    int32_t value = -1;
    uint32_t first_child = 0;
    uint16_t children = 0;
    unsigned char label = 0;
  };
  uint32_t Child(uint32_t node, unsigned char label) const;

  std::vector<Node> nodes_;
  std::vector<uint32_t> root_;  // the root's children by label; 0: none
  int only_ = -1;               // the label of the root's only child, as most files have it ("<")
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_BYTE_TRIE_H_
