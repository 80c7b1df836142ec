// Strings and their numbers: an arena of bytes and a flat hash table, made once and then only read.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_VOCABULARY_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_VOCABULARY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer/huge_pages.h"

namespace hlm {

class StringMap {
 public:
  void Reserve(size_t strings, size_t bytes);
  // Puts `text` in with its value, which is not negative; where it is there already the value is replaced and false returned. All
  // strings together have less than 4 GiB.
  bool Insert(std::string_view text, int32_t value);
  int32_t Find(std::string_view text) const;  // -1 where it is not there
  size_t size() const { return entries_.size(); }
  // In the order of insertion.
  std::string_view text(size_t index) const { return TextOf(entries_[index]); }

 private:
  struct Entry {
    uint32_t begin, length;
  };
  struct Slot {
    uint32_t hash = 0;
    Entry entry{0, 0};
    int32_t value = -1;  // negative: free
  };
  std::string_view TextOf(Entry entry) const { return std::string_view(arena_).substr(entry.begin, entry.length); }
  void Grow(size_t slots);
  size_t SlotOf(std::string_view text, uint64_t hash) const;

  std::string arena_;
  std::vector<Entry> entries_;
  HugeVector<Slot> slots_;  // a power of two, at most two thirds full
};

// Tokens by text and by id. Ids may have holes.
class Vocabulary {
 public:
  void Reserve(size_t tokens, size_t bytes) { map_.Reserve(tokens, bytes); }
  // INVALID_ARGUMENT where the id is negative or above 2^24-1, or belongs to another token already.
  void Add(std::string_view text, int64_t id);
  int32_t Find(std::string_view text) const { return map_.Find(text); }
  bool Has(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < by_id_.size() && by_id_[static_cast<size_t>(id)] != 0;
  }
  std::string_view Text(int32_t id) const { return map_.text(by_id_[static_cast<size_t>(id)] - 1); }
  size_t size() const { return map_.size(); }
  std::string_view TextAt(size_t index) const { return map_.text(index); }  // in the order they were added
  int32_t max_id() const { return static_cast<int32_t>(by_id_.size()) - 1; }

 private:
  StringMap map_;
  std::vector<uint32_t> by_id_;  // index in the map, + 1
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_VOCABULARY_H_
