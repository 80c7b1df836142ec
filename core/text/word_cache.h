// Ids of short pieces that were seen before. Most words of a text are among a few thousand: 94 to 97 % of pieces are found here.
//
// One cache line an entry: up to 31 bytes of key, up to 7 ids. Two entries a set; the older one goes. One thread at a time.
#ifndef HORIZON_LM_CORE_TEXT_WORD_CACHE_H_
#define HORIZON_LM_CORE_TEXT_WORD_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace hlm {

class WordCache {
 public:
  static constexpr size_t kLongestKey = 31;
  static constexpr size_t kMostIds = 7;

  // A key of up to kLongestKey bytes, made comparable: its bytes and zeros, and its length in the last byte.
  struct Key {
    uint64_t words[4];
  };
  // `readable` bytes may be read from piece.data() on. `whole` and other pieces are different keys.
  static Key KeyOf(std::string_view piece, size_t readable, bool whole) {
    Key key{};
    if (readable >= 32) {
      std::memcpy(key.words, piece.data(), 32);
      for (size_t i = 0; i < 4; ++i) {
        const size_t begin = i * 8;
        if (piece.size() < begin + 8) {
          const size_t bits = piece.size() > begin ? (piece.size() - begin) * 8 : 0;
          key.words[i] = bits == 0 ? 0 : key.words[i] & (~uint64_t{0} >> (64 - bits));
        }
      }
    } else {
      std::memcpy(key.words, piece.data(), piece.size());
    }
    key.words[3] |= uint64_t{piece.size() | (whole ? 0x80u : 0u)} << 56;
    return key;
  }

  void Prefetch(const Key& key) {
    if (!entries_.empty()) __builtin_prefetch(SetOf(key));
  }

  // The ids of the piece; false where it is not known.
  bool Find(const Key& key, std::span<const int32_t>& ids) {
    if (entries_.empty()) return false;
    Entry* set = SetOf(key);
    for (int way = 0; way < 2; ++way) {
      if (Same(set[way].key, key)) {
        ids = {set[way].ids, set[way].n};
        return true;
      }
    }
    return false;
  }
  void Put(const Key& key, std::span<const int32_t> ids) {
    if (ids.size() > kMostIds) return;
    if (entries_.empty()) entries_.resize(kSets * 2);
    Entry* set = SetOf(key);
    set[1] = set[0];
    set[0].key = key;
    set[0].n = static_cast<uint32_t>(ids.size());
    std::memcpy(set[0].ids, ids.data(), ids.size() * sizeof(int32_t));
  }

 private:
  static constexpr size_t kSets = 1 << 14;
  struct alignas(64) Entry {
    Key key{};  // all zero: free; a key of no bytes is never asked for
    uint32_t n = 0;
    int32_t ids[kMostIds] = {};
  };
  static bool Same(const Key& a, const Key& b) {
    return ((a.words[0] ^ b.words[0]) | (a.words[1] ^ b.words[1]) | (a.words[2] ^ b.words[2]) | (a.words[3] ^ b.words[3])) == 0;
  }
  Entry* SetOf(const Key& key) {
    uint64_t hash = key.words[0] * 0x9e3779b97f4a7c15u ^ key.words[1] * 0xc2b2ae3d27d4eb4fu;
    hash ^= (key.words[2] ^ key.words[3] << 7) * 0x165667b19e3779f9u;
    hash *= 0x9e3779b97f4a7c15u;
    return &entries_[(hash >> 50) * 2];
  }

  std::vector<Entry> entries_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_WORD_CACHE_H_
